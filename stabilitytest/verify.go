// Package stabilitytest is for the tests of a service: it tries to make contracts cry wolf.
//
// [Verify] runs a contract in a real monitor, in virtual time, over the signals of a modelled healthy service under
// random load. `go test -run=TestStabilityContract -count=100` (docs/guide/whitepaper.md §5, stage 1) is a hundred different loads.
// The package is sealed: production code must not import it, and a test of the library says so.
package stabilitytest

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/signals"
)

// SeedVariable is the environment variable that makes Verify repeat one load instead of drawing another.
const SeedVariable = "STABILITY_SEED"

// Config bounds what [Verify] tries. The zero value is useful.
type Config struct {
	// Seed repeats one run. Defaults to $STABILITY_SEED, or else to a new one each time.
	Seed uint64
	// Duration is how long each shape of load lasts, in virtual time, after the warm-up. Defaults to 15 min.
	Duration time.Duration
	// Shapes defaults to all.
	Shapes []Shape
	// MinRate and MaxRate bound the load, in requests per second. Default to 1 and 300.
	MinRate, MaxRate float64
	// Signals are the service's own, which the contract names besides the standard ones.
	Signals []Signal
}

// Signal declares a signal of the service's own and how it looks in a healthy service.
type Signal struct {
	signals.Desc
	// Value is called at each tick for each instance: one, and those that the contract picks by their labels. rng belongs to
	// the run: draw noise from it and the run can be repeated.
	Value func(load Load, rng *rand.Rand) float64
}

// Load is what the modelled service goes through at one moment.
type Load struct {
	Rate   float64       // requests per second
	Active float64       // requests in flight
	Age    time.Duration // since the start
}

// Verify tries to make a contract cry wolf: it must stay silent through all shapes of random load, and each check must
// have been judged, for one that is always Unknown proves nothing. A failure names the seed, the shape and the
// history around the false alarm, and the line that repeats it.
//
// The contract's OnViolation is not called. A Verify takes about a tenth of a second for a usual contract.
func Verify(t *testing.T, c *stability.Contract, cfg Config) {
	t.Helper()
	cfg = cfg.withDefaults(t)
	for i, shape := range cfg.Shapes {
		rng := rand.New(rand.NewPCG(cfg.Seed, uint64(i)))
		synctest.Test(t, func(t *testing.T) { verifyShape(t, c, cfg, shape, rng) })
	}
}

func (cfg Config) withDefaults(t *testing.T) Config {
	t.Helper()
	if text := os.Getenv(SeedVariable); cfg.Seed == 0 && text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("stabilitytest: %s=%q is no seed: %v", SeedVariable, text, err)
		}
		cfg.Seed = seed
	}
	if cfg.Seed == 0 {
		cfg.Seed = rand.Uint64()
	}
	if cfg.Duration <= 0 {
		cfg.Duration = 15 * time.Minute
	}
	if len(cfg.Shapes) == 0 {
		cfg.Shapes = Shapes()
	}
	if cfg.MaxRate <= 0 {
		cfg.MaxRate = 300
	}
	if cfg.MinRate <= 0 {
		cfg.MinRate = min(1, cfg.MaxRate)
	}
	if cfg.MinRate > cfg.MaxRate {
		t.Fatalf("stabilitytest: MinRate %v is above MaxRate %v", cfg.MinRate, cfg.MaxRate)
	}
	for _, shape := range cfg.Shapes {
		if !slices.Contains(Shapes(), shape) {
			t.Fatalf("stabilitytest: there is no shape %q of load; the shapes are %q", shape, Shapes())
		}
	}
	return cfg
}

func verifyShape(t *testing.T, c *stability.Contract, cfg Config, shape Shape, rng *rand.Rand) {
	const warmup = time.Minute
	total := warmup + cfg.Duration
	source := newModel(rng, shape.load(rng, cfg.MinRate, cfg.MaxRate, total), cfg.Signals)
	silent := *c
	silent.OnViolation = nil
	m := stability.NewMonitor(stability.Config{Warmup: warmup, Logger: slog.New(slog.DiscardHandler)})
	if err := m.Attach(source); err != nil {
		t.Fatalf("stabilitytest: %v", err)
	}
	source.populate(m.Schema(), c)
	if err := m.Register(&silent); err != nil {
		t.Fatalf("stabilitytest: %v", err)
	}
	if err := m.Start(); err != nil {
		t.Fatalf("stabilitytest: %v", err)
	}
	defer m.Stop()
	watch(t, m, c.Name, cfg, shape, total)
}

// watch follows the contract minute by minute and fails the test at the first false alarm.
func watch(t *testing.T, m *stability.Monitor, contract string, cfg Config, shape Shape, total time.Duration) {
	judged := make(map[string]bool)
	history := newHistory()
	var seq uint64
	for at := time.Duration(0); at < total; at += historyStep {
		time.Sleep(historyStep) // virtual: this runs in a synctest bubble
		synctest.Wait()
		status, _ := m.Contract(contract)
		history.add(at, m, status)
		for _, k := range status.Checks {
			judged[k.Name] = judged[k.Name] || k.State != stability.Unknown
		}
		for _, tr := range m.Transitions(seq) {
			seq = tr.Seq
			judged[tr.Check] = judged[tr.Check] || tr.To != stability.Unknown
			if tr.To == stability.Violated {
				t.Errorf("contract %s cried wolf: check %s%s was violated %v after the start under %s load of a healthy service: value %.6g, threshold %.6g\n%s\nrepeat it with\n\t%s=%d go test -run='^%s$' .",
					contract, tr.Check, tr.Labels, tr.Age.Round(time.Second), shape, tr.Value, tr.Threshold, history, SeedVariable, cfg.Seed, rootName(t))
				return
			}
		}
	}
	status, _ := m.Contract(contract)
	for _, k := range status.Checks {
		if !judged[k.Name] {
			t.Errorf("contract %s: check %s could never be judged in %v of %s load, so its silence proves nothing: %s\nrepeat it with\n\t%s=%d go test -run='^%s$' .",
				contract, k.Name, total, shape, k.Reason, SeedVariable, cfg.Seed, rootName(t))
		}
	}
}

func rootName(t *testing.T) string {
	name, _, _ := strings.Cut(t.Name(), "/")
	return name
}

const (
	historyStep = 5 * time.Second
	historyKept = 12
)

// history is the course of the contract's signals lately, for people.
type history struct{ lines []string }

func newHistory() *history { return new(history) }

func (h *history) add(at time.Duration, m *stability.Monitor, c stability.ContractStatus) {
	wanted := make(map[string]bool)
	for _, k := range c.Checks {
		for _, name := range k.Signals {
			wanted[name] = true
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%8v", at+historyStep)
	for _, v := range m.Signals() {
		if wanted[v.Name] {
			fmt.Fprintf(&b, "  %s%s %.6g", v.Name, v.Instance, v.Value)
		}
	}
	if len(h.lines) == historyKept {
		h.lines = h.lines[1:]
	}
	h.lines = append(h.lines, b.String())
}

// String returns the last minute, a line for each step.
func (h *history) String() string { return strings.Join(h.lines, "\n") }
