package stabilitytest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause/deadlock"
	"github.com/falsifiable/stability/signals"
)

var sound = &stability.Contract{Name: "sound", Checks: []stability.Check{
	{Name: "goroutines", Expr: "runtime.NumGoroutine() > 5000"},
	{Name: "heap_inuse", Expr: "mem.HeapInuse >= 2 * 1024 * 1024 * 1024"},
	{Name: "progress", Expr: "http.server.active_requests > 0 && rate(http.server.request.completed[1m]) == 0", For: time.Minute},
}}

func TestVerifySoundContract(t *testing.T) { Verify(t, sound, Config{}) }

func TestVerifyUserSignals(t *testing.T) {
	Verify(t, &stability.Contract{Name: "streams", Checks: []stability.Check{
		{Name: "streams", Expr: "len(streamMap) > 1000 && time.Since(lastClose) > 5m"},
	}}, Config{Signals: []Signal{
		{Desc: signals.Desc{Name: "streamMap", Kind: signals.Size}, Value: func(l Load, _ *rand.Rand) float64 { return l.Active }},
		{Desc: signals.Desc{Name: "lastClose", Kind: signals.Instant, Unit: signals.Seconds}, Value: func(_ Load, rng *rand.Rand) float64 { return 10 * rng.Float64() }},
	}})
}

// TestVerifyFails is the negative control: it runs the tests below in a process of their own and wants each to fail.
// A check on one instance, picked by its labels, is judged: of a standard signal, of one with several labels, of the user's.
func TestVerifyInstances(t *testing.T) {
	Verify(t, &stability.Contract{Name: "c", Checks: []stability.Check{
		{Name: "route", Expr: `http.server.route.active_requests{route="POST /pay"} > 1e6`},
		{Name: "pool", Expr: `db.client.connection.overdue{pool="orders", kind="rows"} > 3`},
		{Name: "queue", Expr: `queue.length{queue="mail"} > 10 * baseline(queue.length{queue="mail"})`},
	}}, Config{Shapes: []Shape{Steady}, Signals: []Signal{{
		Desc: signals.Desc{Name: "queue.length", Labels: []string{"queue"}}, Value: func(Load, *rand.Rand) float64 { return 3 },
	}}})
}

func TestVerifyFails(t *testing.T) {
	for name, want := range map[string][]string{
		"TestControlCriesWolf":   {"cried wolf", "check nervous", "load of a healthy service", "STABILITY_SEED=7 go test -run='^TestControlCriesWolf$'"},
		"TestControlNeverJudged": {"could never be judged", "check blind"},
		"TestControlBroken":      {"go.goroutine.count"},
		"TestControlShape":       {`no shape "stedy"`, "steady"},
		"TestControlRates":       {"MinRate 400 is above MaxRate 300"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^"+name+"$")
			cmd.Env = append(os.Environ(), "STABILITY_CONTROL=1", SeedVariable+"=7")
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Fatalf("it passes:\n%s", out)
			}
			for _, w := range want {
				if !strings.Contains(string(out), w) {
					t.Errorf("its output does not say %q:\n%s", w, out)
				}
			}
		})
	}
}

func control(t *testing.T, check stability.Check, cfg Config) {
	if os.Getenv("STABILITY_CONTROL") == "" {
		t.Skip("a control for TestVerifyFails, which runs it and wants it to fail")
	}
	Verify(t, &stability.Contract{Name: "control", Checks: []stability.Check{check}}, cfg)
}

func TestControlCriesWolf(t *testing.T) {
	control(t, stability.Check{Name: "nervous", Expr: "go.goroutine.count > 1.05 * baseline(go.goroutine.count)"}, Config{})
}

func TestControlNeverJudged(t *testing.T) {
	control(t, stability.Check{Name: "blind", Expr: "go.memory.limit > 5GiB"}, Config{})
}

func TestControlBroken(t *testing.T) {
	control(t, stability.Check{Name: "broken", Expr: "go.goroutine.cuont > 5"}, Config{})
}

func TestControlShape(t *testing.T) {
	control(t, stability.Check{Name: "a", Expr: "go.goroutine.count > 5000"}, Config{Shapes: []Shape{"stedy"}})
}

func TestControlRates(t *testing.T) {
	control(t, stability.Check{Name: "a", Expr: "go.goroutine.count > 5000"}, Config{MinRate: 400})
}

// A seed repeats a run exactly.
func TestModelIsRepeatable(t *testing.T) {
	read := func() string {
		rng := rand.New(rand.NewPCG(1, 2))
		m := newModel(rng, Burst.load(rng, 1, 300, time.Hour), nil)
		m.start = time.Now()
		var out strings.Builder
		for at := range 100 {
			now := m.step(time.Duration(at) * time.Second)
			fmt.Fprintln(&out, now)
		}
		return out.String()
	}
	if a, b := read(), read(); a != b {
		t.Error("two runs of one seed differ")
	}
}

func TestShapesStayInBounds(t *testing.T) {
	for _, s := range Shapes() {
		for seed := range uint64(50) {
			load := s.load(rand.New(rand.NewPCG(seed, 0)), 2, 100, 10*time.Minute)
			for at := time.Duration(0); at <= 11*time.Minute; at += time.Second {
				if v := load(at); v < 0 || v > 100 {
					t.Fatalf("%s, seed %d: %v requests/s at %v", s, seed, v, at)
				}
			}
		}
	}
}

// TestVerifyKnowsWhatALeakWaitsFor: the stock contract that picks a kind of wait can be judged, and is silent.
func TestVerifyKnowsWhatALeakWaitsFor(t *testing.T) {
	Verify(t, deadlock.Cause.Contract(), Config{Seed: 1, Duration: 3 * time.Minute})
}
