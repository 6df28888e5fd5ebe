package allocstorm

import (
	"runtime"
	"testing"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/internal/faulttest"
)

func TestMakesTheCollectorWorkAndStops(t *testing.T) {
	runtime.GC()
	goroutines, heap := runtime.NumGoroutine(), fault.Metric(fault.HeapObjects)
	before := read()
	injection, err := Fault.Inject(t.Context(), fault.Settings{"live": "8MiB", "rate": "256MiB/s"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if w := injection.Witness(); w.Active {
		t.Errorf("active before a collection: %+v", w)
	}
	if !faulttest.Until(t, func() bool { return injection.Witness().Active }) {
		t.Errorf("witness = %+v, want active", injection.Witness())
	}
	if gc, user := fault.Metric(fault.GCTime)-before.gc, fault.Metric(fault.UserTime)-before.user; gc < 0.05*(gc+user) {
		t.Errorf("collection took %.3f s beside %.3f s of the program's own: that is no storm", gc, user)
	}
	if !faulttest.Until(t, func() bool { return fault.Metric(fault.GCCycles) >= before.cycles+5 }) {
		t.Error("there were not even five collections")
	}
	faulttest.Remove(t, injection)
	if w := injection.Witness(); w.Active {
		t.Errorf("witness after removal = %+v", w)
	}
	if !faulttest.Until(t, func() bool { return runtime.NumGoroutine() <= goroutines }) {
		t.Errorf("%d goroutines after removal, %d before", runtime.NumGoroutine(), goroutines)
	}
	if left := fault.Metric(fault.HeapObjects) - heap; left > 2<<20 {
		t.Errorf("after removal the heap is %.0f bytes larger than before", left)
	}
}

func TestStopsWhileTheTreeStillGrows(t *testing.T) {
	injection, err := Fault.Inject(t.Context(), fault.Settings{"live": "256MiB"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	faulttest.Remove(t, injection)
}
