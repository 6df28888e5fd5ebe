package allocstorm

import (
	"context"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/falsifiable/stability/fault"
)

// The collector runs in real time, so these tests do too and wait for conditions.
func until(t *testing.T, condition func() bool) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}

func TestMakesTheCollectorWorkAndStops(t *testing.T) {
	runtime.GC()
	goroutines, heap := runtime.NumGoroutine(), fault.Metric(fault.HeapObjects)
	cycles := fault.Metric(fault.GCCycles)
	injection, err := Fault.Inject(t.Context(), fault.Settings{"live": "8MiB", "rate": "256MiB/s"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if w := injection.Witness(); w.Active {
		t.Errorf("active before a collection: %+v", w)
	}
	if !until(t, func() bool { return injection.Witness().Active }) {
		t.Errorf("witness = %+v, want active", injection.Witness())
	}
	if !until(t, func() bool { return fault.Metric(fault.GCCycles) >= cycles+5 }) {
		t.Error("there were not even five collections")
	}
	// Half of a node is pointers. A heap without any costs nothing to mark and would be a milder fault.
	if share := scanned(); share < 0.2 {
		t.Errorf("the collector has to look at %.0f%% of the live heap, want at least 20%%", 100*share)
	}
	for range 2 {
		if residue, err := injection.Remove(t.Context()); err != nil || residue != (fault.Residue{Unit: fault.Bytes}) {
			t.Errorf("Remove = %+v, %v; want no residue", residue, err)
		}
	}
	if w := injection.Witness(); w.Active {
		t.Errorf("witness after removal = %+v", w)
	}
	if !until(t, func() bool { return runtime.NumGoroutine() <= goroutines }) {
		t.Errorf("%d goroutines after removal, %d before", runtime.NumGoroutine(), goroutines)
	}
	if left := fault.Metric(fault.HeapObjects) - heap; left > 2<<20 {
		t.Errorf("after removal the heap is %.0f bytes larger than before", left)
	}
}

// scanned returns the share of the live heap that the collector has to look at for pointers, by the runtime's own account.
func scanned() float64 {
	s := []metrics.Sample{{Name: "/gc/scan/heap:bytes"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(s)
	return float64(s[0].Value.Uint64()) / float64(s[1].Value.Uint64())
}

func TestStopsWhileTheTreeStillGrows(t *testing.T) {
	injection, err := Fault.Inject(t.Context(), fault.Settings{"live": "1GiB"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if residue, err := injection.Remove(t.Context()); err != nil || residue != (fault.Residue{Unit: fault.Bytes}) {
		t.Errorf("Remove = %+v, %v; want no residue", residue, err)
	}
}
