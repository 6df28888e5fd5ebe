package health

import (
	"context"
	"math"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/internal/faultpoint"
)

// Admission lets requests in as the start goes on. Before the start is complete it lets in none; from then on, for a while,
// a growing number at the same time; later all. A service that says that it is ready is given its full share at
// that moment, with caches that are cold where no check looks and connections yet to be made.
//
// A request that finds no place waits for one for up to 100 ms, and as many may wait as may be in flight at the end of the ramp: so
// a burst that a warm service answers in a moment is not refused for coming all at once.
type Admission struct {
	// Mode Observe only counts, and lets none wait: it counts who would have had to. Defaults to Observe.
	Mode stability.Mode
	// Ramp is how long the number grows after the start. Defaults to 10 s; negative means no ramp.
	Ramp time.Duration
	// From and To are how many requests may be in flight at its beginning and its end; between them the number grows by equal
	// factors. Default to 4 and 64 for each of GOMAXPROCS.
	From, To int
}

// Admit returns a handler that lets requests through to next as a says. Those it refuses get 503 with Retry-After. Requests
// before the start are counted in signal health.request.early.count, those which the ramp refuses in health.request.shed.count.
// After the ramp it costs two atomic loads. Do not put the probes' own paths behind it.
func (c *Components) Admit(a Admission, next http.Handler) http.Handler {
	if a.Ramp == 0 {
		a.Ramp = 10 * time.Second
	}
	if a.From <= 0 {
		a.From = 4 * runtime.GOMAXPROCS(0)
	}
	if a.To <= 0 {
		a.To = 64 * runtime.GOMAXPROCS(0)
	}
	a.To = max(a.From, a.To)
	return &admission{Admission: a, components: c, next: next, places: make(chan struct{}, a.To), waiting: make(chan struct{}, a.To)}
}

type admission struct {
	Admission
	components *Components
	next       http.Handler
	places     chan struct{} // that are free, while the ramp lasts
	made       atomic.Int64  // places so far
	waiting    chan struct{} // who waits for one
	over       atomic.Bool
}

// patience is how long a request waits for a place: less than anybody sees, and more than a warm service needs for those before it.
const patience = 100 * time.Millisecond

func (a *admission) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if cold := faultpoint.Cold(); a.over.Load() && cold == nil {
		a.next.ServeHTTP(w, r)
		return
	} else if cold != nil && cold() {
		a.early(w, r)
		return
	}
	started := a.components.started.Load()
	if started == 0 {
		a.early(w, r)
		return
	}
	age := time.Since(a.components.epoch) - time.Duration(started)
	if age >= a.Ramp {
		a.over.Store(true)
		a.next.ServeHTTP(w, r)
		return
	}
	a.grow(a.limit(age))
	if a.enter(r.Context()) {
		defer func() { a.places <- struct{}{} }()
	} else {
		a.components.shed.Add(1)
		if a.Mode == stability.Enforce {
			refuse(w, "warming up")
			return
		}
	}
	a.next.ServeHTTP(w, r)
}

// grow makes places until there are that many.
func (a *admission) grow(limit int64) {
	for n := a.made.Load(); n < limit; n = a.made.Load() {
		if a.made.CompareAndSwap(n, n+1) {
			a.places <- struct{}{} // there is room for all that are ever made
		}
	}
}

// enter takes a place, and reports whether there was one.
func (a *admission) enter(ctx context.Context) bool {
	select {
	case <-a.places:
		return true
	default:
	}
	if a.Mode != stability.Enforce {
		return false
	}
	select {
	case a.waiting <- struct{}{}:
		defer func() { <-a.waiting }()
	default:
		return false // a flood of those who wait is a flood too
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-a.places:
		return true
	case <-timer.C:
		return false
	case <-ctx.Done():
		return false
	}
}

// early is a request that somebody has sent before this instance was ready.
func (a *admission) early(w http.ResponseWriter, r *http.Request) {
	a.components.early.Add(1)
	if a.Mode == stability.Enforce {
		refuse(w, "starting")
		return
	}
	a.next.ServeHTTP(w, r)
}

// limit is how many requests may be in flight so long after the start.
func (a *admission) limit(age time.Duration) int64 {
	return int64(math.Round(float64(a.From) * math.Pow(float64(a.To)/float64(a.From), float64(age)/float64(a.Ramp))))
}

func refuse(w http.ResponseWriter, why string) {
	w.Header().Set("Retry-After", "1")
	http.Error(w, why, http.StatusServiceUnavailable)
}
