package channelblock

import (
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/internal/faulttest"
	"github.com/falsifiable/stability/internal/faultpoint"
)

// request runs what the middleware would, and then the service's handler, which counts.
func request(served *atomic.Int64) {
	if enter := faultpoint.Handler(); enter != nil {
		enter(nil, new(http.Request))
	}
	served.Add(1)
}

func sending() int { return faulttest.Parked("(*block).handle", "chan send") }

func TestRequestsBlockOnASendAndAreFreed(t *testing.T) {
	for _, c := range []struct {
		name                     string
		settings                 fault.Settings
		minBlocked, maxBlocked   int
		servedMeanwhileAtLeast   int64
		witnessActiveMeanwhileIs bool
	}{
		{"all", fault.Settings{}, 200, 200, 0, true},
		{"half", fault.Settings{"share": "50%"}, 70, 130, 70, true},
		{"buffered", fault.Settings{"buffer": "150"}, 50, 50, 150, true},
		{"buffer not full", fault.Settings{"buffer": "300"}, 0, 0, 200, false},
		{"at most", fault.Settings{"max": "20"}, 20, 20, 180, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				injection, err := Fault.Inject(t.Context(), c.settings, 7)
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				var served atomic.Int64
				for range 200 {
					go request(&served)
				}
				synctest.Wait()
				blocked := sending()
				if blocked < c.minBlocked || blocked > c.maxBlocked || served.Load() < c.servedMeanwhileAtLeast {
					t.Errorf("%d blocked and %d served, want %d to %d and at least %d",
						blocked, served.Load(), c.minBlocked, c.maxBlocked, c.servedMeanwhileAtLeast)
				}
				if w := injection.Witness(); w.Active != c.witnessActiveMeanwhileIs || int(w.Value) != blocked {
					t.Errorf("witness = %+v, want active %t with %d", w, c.witnessActiveMeanwhileIs, blocked)
				}
				faulttest.Remove(t, injection)
				synctest.Wait()
				if n := served.Load(); n != 200 {
					t.Errorf("%d requests were served in the end, want all 200", n)
				}
				if faultpoint.Handler() != nil || sending() != 0 || injection.Witness().Active {
					t.Error("the fault is still in the requests' way")
				}
			})
		})
	}
}
