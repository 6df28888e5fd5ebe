package cpuburn

import (
	"runtime"
	"testing"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/internal/faulttest"
)

// until lets other goroutines run until the condition holds or the CPU time is used up. It measures CPU time and not
// the clock, for a burn on a busy machine takes longer.
func until(t *testing.T, cpuSeconds float64, condition func() bool) bool {
	t.Helper()
	for begun := fault.CPUTime(); !condition(); runtime.Gosched() {
		if fault.CPUTime()-begun > cpuSeconds {
			return false
		}
	}
	return true
}

func TestBurnsAndStops(t *testing.T) {
	for _, settings := range []fault.Settings{{}, {"goroutines": "1"}, {"goroutines": "4", "duty": "50%"}} {
		before := runtime.NumGoroutine()
		injection, err := Fault.Inject(t.Context(), settings, 1)
		if err != nil {
			t.Fatal(err)
		}
		if !until(t, 10, func() bool { return injection.Witness().Active }) {
			t.Errorf("%v: witness = %+v after 10 s of CPU time", settings, injection.Witness())
		}
		faulttest.Remove(t, injection)
		if !until(t, 5, func() bool { return runtime.NumGoroutine() <= before }) {
			t.Errorf("%v: %d goroutines after removal, %d before", settings, runtime.NumGoroutine(), before)
		}
		if w := injection.Witness(); w.Active {
			t.Errorf("%v: witness after removal = %+v", settings, w)
		}
	}
}

// The goroutine that waits in TestBurnsAndStops burns CPU itself; so that a fault which does nothing is not taken
// for one that works, this test burns nothing and counts the work done.
func TestTheWorkIsDone(t *testing.T) {
	injection, err := Fault.Inject(t.Context(), fault.Settings{"goroutines": "1"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	b := injection.(*burn)
	if !until(t, 10, func() bool { return b.sink.Load() > 1 }) {
		t.Error("no work was done")
	}
	injection.Remove(t.Context())
	done := b.sink.Load()
	if until(t, 0.1, func() bool { return b.sink.Load() != done }) {
		t.Error("work goes on after removal")
	}
}
