//go:build linux

package threadleak

import (
	"os"
	"testing"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/internal/faulttest"
)

// threads asks the kernel.
func threads(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestThreadsBlockAndEnd(t *testing.T) {
	before := threads(t)
	injection, err := Fault.Inject(t.Context(), fault.Settings{"rate": "1000", "max": "40"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if !faulttest.Until(t, func() bool { w := injection.Witness(); return w.Active && w.Value == 40 && threads(t) >= before+40 }) {
		t.Errorf("%d threads before, %d now; witness %+v", before, threads(t), injection.Witness())
	}
	faulttest.Remove(t, injection)
	if !faulttest.Until(t, func() bool { return threads(t) < before+20 }) {
		t.Errorf("%d threads before, %d after removal", before, threads(t))
	}
}
