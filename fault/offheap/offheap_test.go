//go:build linux

package offheap

import (
	"testing"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/internal/faulttest"
)

func TestTheResidentSetGrowsAndTheHeapDoesNot(t *testing.T) {
	resident, heap := fault.Resident(), fault.Metric(fault.HeapObjects)
	injection, err := Fault.Inject(t.Context(), fault.Settings{"rate": "1GiB/s", "max": "64MiB"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if !faulttest.Until(t, func() bool { w := injection.Witness(); return w.Active && w.Value == 64<<20 }) {
		t.Errorf("witness = %+v", injection.Witness())
	}
	if grown := fault.Resident() - resident; grown < 48<<20 {
		t.Errorf("the resident set grew by %g", grown)
	}
	if grown := fault.Metric(fault.HeapObjects) - heap; grown > 16<<20 {
		t.Errorf("the heap grew by %g", grown)
	}
	faulttest.Remove(t, injection)
	if left := fault.Resident() - resident; left > 24<<20 {
		t.Errorf("%g of the resident set are left after removal", left)
	}
}
