package heapgrowth

import (
	"math"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/internal/faulttest"
)

func TestGrowsResidentlyAndIsCollected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const max = 32 << 20
		runtime.GC() // so that no garbage of before goes away meanwhile and hides growth
		heap, resident := fault.Metric(fault.HeapObjects), fault.Resident()
		injection, err := Fault.Inject(t.Context(), fault.Settings{"rate": "16MiB/s", "max": "32MiB"}, 1)
		if err != nil {
			t.Fatal(err)
		}
		if w := injection.Witness(); w.Active {
			t.Errorf("active before anything grew: %+v", w)
		}
		pass(1005 * time.Millisecond)
		if w := injection.Witness(); !w.Active || math.Abs(w.Value-max/2) > max/100 {
			t.Errorf("after a second at 16 MiB/s witness = %+v", w)
		}
		pass(5 * time.Second)
		if w := injection.Witness(); !w.Active || w.Value != max {
			t.Errorf("in the end witness = %+v, want active with %d", w, max)
		}
		if grown := fault.Metric(fault.HeapObjects) - heap; grown < 0.98*max || grown > 1.1*max {
			t.Errorf("the runtime's heap grew by %.0f, want %d", grown, max)
		}
		if grown := fault.Resident() - resident; grown < 0.9*max {
			t.Errorf("the resident set grew by %.0f, want about %d", grown, max)
		}
		faulttest.Remove(t, injection)
		if left := fault.Metric(fault.HeapObjects) - heap; left > max/50 {
			t.Errorf("after removal the runtime's heap is %.0f bytes larger than before", left)
		}
		if w := injection.Witness(); w.Active || w.Value != 0 {
			t.Errorf("witness after removal = %+v", w)
		}
	})
}

// Large records make the heap grow without the memory that a page each takes.
func TestLargeRecordsGrowTheHeapAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runtime.GC()
		heap, resident := fault.Metric(fault.HeapObjects), fault.Resident()
		injection, err := Fault.Inject(t.Context(), fault.Settings{"rate": "1GiB/s", "max": "256MiB", "record": "256KiB"}, 1)
		if err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		if w := injection.Witness(); !w.Active || w.Value != 256<<20 {
			t.Errorf("witness = %+v, want active with 256 MiB", w)
		}
		if grown := fault.Metric(fault.HeapObjects) - heap; grown < 250<<20 {
			t.Errorf("the runtime's heap grew by %.0f, want 256 MiB", grown)
		}
		if grown := fault.Resident() - resident; grown > 128<<20 {
			t.Errorf("the resident set grew by %.0f: all was written to", grown)
		}
		faulttest.Remove(t, injection)
	})
}

// pass lets d of the bubble's own time go by.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}
