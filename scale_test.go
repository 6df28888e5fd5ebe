package stability

import (
	"testing"
	"time"

	"github.com/falsifiable/stability/internal/timescale"
)

// A monitor and its contracts may be variables of a package, made before the fault agent has said how time runs.
func TestTheScaleIsThatOfTheStart(t *testing.T) {
	m := NewMonitor(Config{SampleInterval: time.Second})
	if err := m.Register(&Contract{Name: "c", Checks: []Check{{Name: "x", Expr: "runtime.NumGoroutine() > 1e9", For: time.Minute}}}); err != nil {
		t.Fatal(err)
	}
	timescale.Set(0.01)
	defer timescale.Set(1)
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	defer m.Stop()
	if s := m.Status(); s.TimeScale != 0.01 || len(s.Contracts) != 1 {
		t.Errorf("time scale %g, contracts %+v", s.TimeScale, s.Contracts)
	}
	if got := m.engine.contracts[0].checks[0].forTime; got != 600*time.Millisecond {
		t.Errorf("For runs for %v, want 600ms", got)
	}
}
