package fault_test

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/fault"
)

func TestLifeEndsWithItsContextOrByEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var released atomic.Int64
		begin := func() *fault.Life {
			return fault.Begin(ctx, func(ctx context.Context) {
				<-ctx.Done()
				<-time.After(time.Second) // releasing takes a while
				released.Add(1)
			})
		}
		a := begin()
		impatient, stop := context.WithTimeout(t.Context(), time.Millisecond)
		defer stop()
		if err := a.End(impatient); !errors.Is(err, context.DeadlineExceeded) || a.Ended() {
			t.Errorf("End with a short deadline = %v, ended %t; want it to say that it did not wait", err, a.Ended())
		}
		if err := a.End(t.Context()); err != nil || released.Load() != 1 || !a.Ended() {
			t.Errorf("End = %v, released %d times", err, released.Load())
		}
		b := begin()
		cancel()
		<-time.After(2 * time.Second)
		if released.Load() != 2 || !b.Ended() {
			t.Errorf("after the context was canceled released = %d, want 2", released.Load())
		}
	})
}

func TestPaceKeepsItsRate(t *testing.T) {
	for _, c := range []struct {
		rate  float64
		total int
		takes time.Duration
	}{{100, 250, 2500 * time.Millisecond}, {0.5, 2, 4 * time.Second}, {1e6, 5_000_000, 5 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			sum, begun := 0, time.Now()
			if !fault.Pace(t.Context(), c.rate, c.total, func(n int) { sum += n }) || sum != c.total {
				t.Errorf("at %g/s Pace stepped %d of %d", c.rate, sum, c.total)
			}
			if took := time.Since(begun); took < c.takes || took > c.takes+20*time.Millisecond {
				t.Errorf("at %g/s %d took %v, want %v", c.rate, c.total, took, c.takes)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
			defer cancel()
			if fault.Pace(ctx, 1, 5, func(int) { t.Error("a step before one was due") }) {
				t.Error("Pace claims to have reached its total though its context ended")
			}
		})
	}
}

func TestGateBoundsCountsAndEmpties(t *testing.T) {
	gate := fault.NewGate(2)
	if !gate.Enter() || !gate.Enter() || gate.Enter() || gate.Inside() != 2 {
		t.Fatalf("a gate for 2 holds %d", gate.Inside())
	}
	if n := gate.Shut(); n != 2 || gate.Inside() != 2 {
		t.Errorf("Shut = %d with %d inside, want 2", n, gate.Inside())
	}
	gate.Leave()
	if gate.Enter() {
		t.Error("somebody entered a shut gate")
	}
	select {
	case <-gate.Empty():
		t.Error("empty with one inside")
	default:
	}
	gate.Leave()
	<-gate.Empty()
	unused := fault.NewGate(1)
	unused.Shut()
	<-unused.Empty()
}

func TestGateUnderConcurrency(t *testing.T) {
	gate := fault.NewGate(5)
	var most, now atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 2000 {
				if gate.Enter() {
					most.Store(max(most.Load(), now.Add(1)))
					now.Add(-1)
					gate.Leave()
				}
			}
		})
	}
	wg.Go(func() { gate.Shut() })
	wg.Wait()
	<-gate.Empty()
	if most.Load() > 5 || gate.Inside() != 0 {
		t.Errorf("at most 5 may be inside; there were %d, and %d in the end", most.Load(), gate.Inside())
	}
}

func TestDiceAreFairAndFromTheSeed(t *testing.T) {
	roll := func(seed uint64) (draws []float64) {
		args, err := flood.Args(nil, seed)
		if err != nil {
			t.Fatal(err)
		}
		dice := args.Dice()
		for range 100_000 {
			draws = append(draws, dice.Float64())
		}
		return draws
	}
	a, again, b := roll(1), roll(1), roll(2)
	var buckets [10]int
	same := 0
	for i, x := range a {
		if x != again[i] {
			t.Fatal("one seed gave two streams")
		}
		if x == b[i] {
			same++
		}
		buckets[int(10*x)]++
	}
	if same > 10 {
		t.Errorf("two seeds gave %d equal draws", same)
	}
	for i, n := range buckets {
		if math.Abs(float64(n)-10_000) > 500 { // five standard deviations
			t.Errorf("bucket %d got %d of 100,000 draws, want about 10,000", i, n)
		}
	}
}

func TestMeasures(t *testing.T) {
	for name, v := range map[string]float64{
		fault.GoroutinesWaiting: fault.Metric(fault.GoroutinesWaiting), fault.HeapObjects: fault.Metric(fault.HeapObjects),
		fault.MutexWait: fault.Metric(fault.MutexWait), fault.GCCycles: fault.Metric(fault.GCCycles),
		fault.GCTime: fault.Metric(fault.GCTime), fault.UserTime: fault.Metric(fault.UserTime),
	} {
		if math.IsNaN(v) || v < 0 {
			t.Errorf("%s = %v: the runtime no longer has it", name, v)
		}
	}
	if v := fault.Metric("/no/such:thing"); !math.IsNaN(v) {
		t.Errorf("an unknown metric = %v, want NaN", v)
	}
}
