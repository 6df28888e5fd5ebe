package goroutineleak

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/internal/faulttest"
)

// pass lets d of the bubble's own time go by.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestEachIsTheLeakItSaysAndGoesAway(t *testing.T) {
	for _, c := range []struct{ where, state, function string }{
		{"receive", "chan receive", "receive"},
		{"select", "select", "selectForever"},
		{"send", "chan send", "send"},
		{"timer", "chan receive", "receive"},
	} {
		parked := func() int { return faulttest.Parked("(*leak)."+c.function, c.state) }
		t.Run(c.where, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				settings := fault.Settings{"where": c.where, "rate": "100", "max": "250"}
				injection, err := Fault.Inject(t.Context(), settings, 1)
				if err != nil {
					t.Fatal(err)
				}
				if w := injection.Witness(); w.Active {
					t.Errorf("active before anything leaked: %+v", w)
				}
				pass(1050 * time.Millisecond)
				if n := parked(); n < 100 || n > 106 {
					t.Errorf("after a second at 100/s the dump shows %d goroutines in %q, want 100 to 106", n, c.state)
				}
				pass(5 * time.Second)
				if n := parked(); n != 250 {
					t.Errorf("the dump shows %d goroutines in %q, want the maximum of 250", n, c.state)
				}
				if w := injection.Witness(); !w.Active || w.Value != 250 {
					t.Errorf("witness = %+v, want active with 250", w)
				}
				faulttest.Remove(t, injection)
				synctest.Wait()
				if n := parked(); n != 0 {
					t.Errorf("after removal the dump still shows %d goroutines", n)
				}
				if w := injection.Witness(); w.Active || w.Value != 0 {
					t.Errorf("witness after removal = %+v", w)
				}
			})
		})
	}
}
