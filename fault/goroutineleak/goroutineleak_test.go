package goroutineleak

import (
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/fault"
)

// parked counts the goroutines that a dump of the process shows in this package's function, in that state.
func parked(t *testing.T, state, function string) int {
	t.Helper()
	buf := make([]byte, 16<<20)
	buf = buf[:runtime.Stack(buf, true)]
	count := 0
	for g := range strings.SplitSeq(string(buf), "\n\n") {
		if strings.Contains(g, "goroutineleak.(*leak)."+function+"(") && strings.Contains(g[:strings.IndexByte(g, '\n')], "["+state) {
			count++
		}
	}
	return count
}

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
				if n := parked(t, c.state, c.function); n < 100 || n > 106 {
					t.Errorf("after a second at 100/s the dump shows %d goroutines in %q, want 100 to 106", n, c.state)
				}
				pass(5 * time.Second)
				if n := parked(t, c.state, c.function); n != 250 {
					t.Errorf("the dump shows %d goroutines in %q, want the maximum of 250", n, c.state)
				}
				if w := injection.Witness(); !w.Active || w.Value != 250 {
					t.Errorf("witness = %+v, want active with 250", w)
				}
				for range 2 { // removal is idempotent
					if residue, err := injection.Remove(t.Context()); err != nil || residue != (fault.Residue{}) {
						t.Errorf("Remove = %+v, %v; want no residue", residue, err)
					}
				}
				synctest.Wait()
				if n := parked(t, c.state, c.function); n != 0 {
					t.Errorf("after removal the dump still shows %d goroutines", n)
				}
				if w := injection.Witness(); w.Active || w.Value != 0 {
					t.Errorf("witness after removal = %+v", w)
				}
			})
		})
	}
}
