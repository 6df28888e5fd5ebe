package auto

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// TestIdleCosts: a service that does nothing is watched once a second, by goroutines that do not become more, and what that allocates
// stays small. Time is virtual: the figures are those of an idle machine, however busy this one is. What it costs in processor
// time, beside others, is for the benchmark of the idle process in module bench.
func TestIdleCosts(t *testing.T) {
	const (
		minutes  = 30
		perTick  = 20 // allocations; a thirtieth of one was measured
		few      = 5  // what other tests have left may begin something
		settling = 10 * time.Minute
	)
	synctest.Test(t, func(t *testing.T) {
		w := start(t, Config{Service: "idle"})
		time.Sleep(settling)
		synctest.Wait()
		ticks, goroutines, before := w.Monitor().Status().Self.Ticks, runtime.NumGoroutine(), mallocs()
		time.Sleep(minutes * time.Minute)
		synctest.Wait()
		ticks = w.Monitor().Status().Self.Ticks - ticks
		if ticks < minutes*60-1 || ticks > minutes*60+1 {
			t.Errorf("%d ticks in %d minutes, want one a second", ticks, minutes)
		}
		if n := runtime.NumGoroutine(); n > goroutines+few {
			t.Errorf("%d goroutines, and %d half an hour before", n, goroutines)
		}
		each := float64(mallocs()-before) / float64(ticks)
		t.Logf("%.3f allocations a tick, %d goroutines", each, goroutines)
		if each > perTick {
			t.Errorf("%.1f allocations a tick, want %d at most", each, perTick)
		}
		w.Stop()
	})
}

func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}
