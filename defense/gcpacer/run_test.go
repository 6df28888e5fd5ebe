package gcpacer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability/signals"
)

// TestMain turns into the sick programs that the tests below run with a real collector.
func TestMain(m *testing.M) {
	mode := os.Getenv("GCPACER_TEST_CHILD")
	if mode == "" {
		os.Exit(m.Run())
	}
	// Shares of a twentieth, for the race detector slows down all but the collector.
	config := Config{Window: 100 * time.Millisecond, Threshold: 0.05, SpiralShare: 0.05, SpiralAfter: 300 * time.Millisecond, SpiralEnd: time.Hour}
	ctx, stop := context.WithTimeout(context.Background(), time.Minute) // a busy machine may take long to come to a storm
	defer stop()
	last := "lift" // what the test waits for
	switch mode {
	case "off":
		config.DryRun = true
	case "storm":
		config.SpiralShare, last = 1, "raise"
	}
	config.Logger = slog.New(ending{slog.Default().Handler(), "garbage collector: " + last, stop})
	p, err := New(config)
	if err != nil {
		panic(err)
	}
	go func() { _ = p.Run(ctx) }()
	if mode != "storm" {
		debug.SetMemoryLimit(64 << 20) // hardly more than what is live
	}
	depth := 20 // 51 MB
	if mode == "storm" {
		depth = 17 // collections that end soon, also under the race detector
	}
	churn(ctx, depth)
	println("gogc", debug.SetGCPercent(-1), "limit", debug.SetMemoryLimit(-1)>>20)
}

// ending is a log that ends the program after a certain message.
type ending struct {
	slog.Handler
	message string
	end     func()
}

func (e ending) Handle(ctx context.Context, r slog.Record) error {
	err := e.Handler.Handle(ctx, r)
	if r.Message == e.message {
		e.end()
	}
	return err
}

// node makes marking take time.
type node struct {
	left, right *node
	body        [4]int
}

func tree(depth int) *node {
	if depth == 0 {
		return nil
	}
	return &node{left: tree(depth - 1), right: tree(depth - 1)}
}

var sink *node

// churn holds a tree, and makes and drops small ones until ctx ends.
func churn(ctx context.Context, depth int) {
	live := tree(depth)
	for ctx.Err() == nil {
		sink = tree(10)
	}
	sink = live
}

func child(t *testing.T, mode string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "GCPACER_TEST_CHILD="+mode, "GOGC=", "GOMEMLIMIT=", "GOMAXPROCS=2")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

func TestARealStormRaisesGOGC(t *testing.T) {
	out := child(t, "storm")
	if !strings.Contains(out, "garbage collector: raise") {
		t.Errorf("no step was taken:\n%s", out)
	}
}

func TestARealSpiralIsLifted(t *testing.T) {
	out := child(t, "spiral")
	_, lift, _ := strings.Cut(out, "garbage collector: lift")
	_, lift, _ = strings.Cut(lift, "memory_limit=")
	limit := 0
	if _, err := fmt.Sscan(lift, &limit); err != nil || limit <= 64<<20 || limit > 80<<20 { // a quarter more at most
		t.Errorf("the limit was not lifted:\n%s", out)
	}
	out = child(t, "off")
	if !strings.Contains(out, "dry_run=true") || !strings.Contains(out, "limit 64") || !strings.Contains(out, "gogc 100") {
		t.Errorf("a dry run does not tell, or acts:\n%s", out)
	}
}

func TestRunPutsBackWhatItFound(t *testing.T) {
	before, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(-1)
	defer debug.SetGCPercent(before)
	p, err := New(Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- p.Run(ctx) }()
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Run ended with %v", err)
	}
	p.controller.now, p.controller.was = 150, 100
	p.take(t.Context(), Decision{Action: Raise, Percent: 150, Reason: "test"})
	if now := debug.SetGCPercent(150); now != 150 {
		t.Errorf("after a step GOGC is %d", now)
	}
	p.controller.lifted = Lift
	p.take(t.Context(), Decision{Action: Lift, Limit: 1 << 40, Reason: "test"})
	if !p.Shedding() {
		t.Error("a lift does not shed")
	}
	p.undo()
	if now := debug.SetGCPercent(100); now != 100 || debug.SetMemoryLimit(-1) != limit {
		t.Errorf("at the end GOGC is %d and the limit %d", now, debug.SetMemoryLimit(-1))
	}
}

func TestLiftIsBounded(t *testing.T) {
	before := debug.SetMemoryLimit(1 << 40)
	defer debug.SetMemoryLimit(before)
	lift := liftOwn()
	if got := lift(1 << 45); got != 5<<38 || debug.SetMemoryLimit(-1) != got {
		t.Errorf("lifted to %d, want a quarter more", got)
	}
	if got := lift(math.MaxInt64); got != math.MaxInt64 {
		t.Errorf("lifted to %d, want altogether", got)
	}
	if got := lift(0); got != 1<<40 || debug.SetMemoryLimit(-1) != got {
		t.Errorf("put back to %d", got)
	}
}

func TestConfig(t *testing.T) {
	for want, c := range map[string]Config{
		"Threshold": {Threshold: 2}, "Windows": {Windows: -1}, "Window is": {Window: -1}, "Calm": {Calm: -1}, "Max": {Max: -5},
		"SpiralShare": {SpiralShare: -1}, "SpiralAfter": {SpiralAfter: time.Minute, SpiralEnd: time.Second},
	} {
		if err := Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want an error about %s", c, err, want)
		}
	}
}

func TestSourceAndMeterAllocateNothing(t *testing.T) {
	p, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	source := p.Source()
	var batch signals.Batch
	source.Sample(&batch)
	if len(batch.Readings()) != len(source.Describe()) {
		t.Errorf("%d readings of %d signals", len(batch.Readings()), len(source.Describe()))
	}
	if n := testing.AllocsPerRun(50, func() { batch.Reset(); source.Sample(&batch); p.meter.observe(); _ = p.Shedding() }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func BenchmarkWindow(b *testing.B) {
	p, _ := New(Config{Logger: slog.New(slog.DiscardHandler)})
	for b.Loop() {
		p.take(b.Context(), p.controller.Observe(p.meter.observe()))
	}
}
