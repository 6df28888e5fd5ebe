package slowhandler

import (
	"context"
	"math"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/internal/faulttest"
	"github.com/falsifiable/stability/internal/faultpoint"
)

// requests sends n requests at the same moment through what the middleware would call and returns how long each took.
func requests(ctx context.Context, n int) []time.Duration {
	var wg sync.WaitGroup
	took := make([]time.Duration, n)
	for i := range n {
		wg.Go(func() {
			begun := time.Now()
			if enter := faultpoint.Handler(); enter != nil {
				enter(nil, new(http.Request).WithContext(ctx))
			}
			took[i] = time.Since(begun)
		})
	}
	wg.Wait()
	return took
}

func TestDelaysEachRequestByItselfAndStops(t *testing.T) {
	for _, c := range []struct {
		name             string
		settings         fault.Settings
		mean, longest    time.Duration // longest is a bound
		untouched, close float64       // share not delayed; tolerance of both
	}{
		// Forty at once and none slower than one: a delay that serialized requests would be a different fault.
		{"plain", fault.Settings{"delay": "100ms"}, 100 * time.Millisecond, 100 * time.Millisecond, 0, 0},
		{"share", fault.Settings{"delay": "100ms", "share": "30%"}, 30 * time.Millisecond, 100 * time.Millisecond, 0.7, 0.2},
		{"uniform", fault.Settings{"delay": "100ms", "jitter": "uniform"}, 100 * time.Millisecond, 200 * time.Millisecond, 0, 0.1},
		{"exponential", fault.Settings{"delay": "100ms", "jitter": "exponential"}, 100 * time.Millisecond, time.Second, 0, 0.1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				injection, err := Fault.Inject(t.Context(), c.settings, 3)
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				const n = 1000
				var sum, longest time.Duration
				var untouched float64
				for _, d := range requests(t.Context(), n) {
					sum += d
					longest = max(longest, d)
					if d == 0 {
						untouched += 1. / n
					}
				}
				mean := sum / n
				if math.Abs(float64(mean-c.mean)) > c.close*float64(c.mean) || longest > c.longest || math.Abs(untouched-c.untouched) > c.close {
					t.Errorf("mean %v, longest %v, untouched %.2f; want %v, at most %v, %.2f", mean, longest, untouched, c.mean, c.longest, c.untouched)
				}
				if w := injection.Witness(); !w.Active || math.Abs(w.Value-0.1) > 0.01 {
					t.Errorf("witness = %+v, want active with a mean delay of about 0.1 s", w)
				}
				faulttest.Remove(t, injection)
				if faultpoint.Handler() != nil || requests(t.Context(), 1)[0] != 0 || injection.Witness().Active {
					t.Error("the fault is still in the requests' way")
				}
			})
		})
	}
}

func TestNobodyWaitsLongerThanNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		injection, err := Fault.Inject(t.Context(), fault.Settings{"delay": "60s"}, 3)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		client, gone := context.WithTimeout(t.Context(), time.Second)
		defer gone()
		if took := requests(client, 1)[0]; took != time.Second {
			t.Errorf("a request whose client left after 1 s took %v", took)
		}
		go func() {
			<-time.After(2 * time.Second)
			injection.Remove(t.Context())
		}()
		if took := requests(t.Context(), 1)[0]; took != 2*time.Second {
			t.Errorf("a request took %v while the fault was removed after 2 s", took)
		}
	})
}
