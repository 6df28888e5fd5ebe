package httpserver

import (
	"math"
	"net/http"
	"net/url"
	"time"

	"github.com/falsifiable/stability/internal/latency"
	"github.com/falsifiable/stability/signals"
)

// maxWalk bounds how many requests in flight a shard shows to one reading, so that the lock is held for some tens of
// microseconds even when a hundred thousand requests are stuck; the youngest beyond it count for the route "other".
const maxWalk = 256

// survey is the memory that readings reuse.
type survey struct {
	targets []target
	scratch *http.Request
	grown   latency.Counts // of one route since the last reading
	all     latency.Counts // and of all routes
	folding bool           // the route "other" has come into use
	gone    uint64         // errors of routes that were evicted and have nothing under way any more
	retired []*route
}

func newSurvey() survey { return survey{scratch: &http.Request{URL: new(url.URL)}} }

// Sample reads all signals. It asks the mux for the route of each request in flight, once per reading, so that the
// requests themselves need not; else it allocates nothing.
func (t *Tracker) Sample(dst *signals.Batch) {
	t.sampleFlights(dst)
	s := &t.survey
	clear(s.all[:])
	var total uint64
	for _, r := range s.retired { // what they have answered since
		total += r.latency.Take(&s.grown, &s.all)
	}
	t.bury()
	errors := s.gone
	for _, r := range s.retired {
		errors += r.errors.Load()
	}
	for _, r := range t.routes.List() {
		errors += r.errors.Load()
		total += t.sampleRoute(dst, r)
	}
	other := t.routes.Other()
	if s.folding = s.folding || t.routes.Full() || other.active > 0; s.folding {
		errors += other.errors.Load()
		total += t.sampleRoute(dst, other)
	}
	dst.Add(signals.HTTPServer.Errors, float64(errors))
	if total > 0 {
		dst.Add(signals.HTTPServer.P50, s.all.Quantile(0.50, total))
		dst.Add(signals.HTTPServer.P99, s.all.Quantile(0.99, total))
	}
}

// sampleFlights reads what the shards know and leaves the number of requests in flight with each route.
func (t *Tracker) sampleFlights(dst *signals.Batch) {
	now := time.Since(t.epoch)
	first := now
	var requests uint64
	var active, waiting int
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		requests += s.begun
		active += s.active
		oldest, n := t.walk(s)
		first = min(first, oldest)
		waiting += n
		s.mu.Unlock()
	}
	for i := range t.survey.targets {
		target := &t.survey.targets[i]
		t.routes.Get(target.pattern(t.survey.scratch)).active++
	}
	clear(t.survey.targets) // let go of the requests' strings
	t.survey.targets = t.survey.targets[:0]
	dst.Add(signals.HTTPServer.Requests, float64(requests))
	dst.Add(signals.HTTPServer.Completed, float64(requests-uint64(active)))
	dst.Add(signals.HTTPServer.Active, float64(active))
	dst.Add(signals.HTTPServer.Waiting, float64(waiting))
	dst.Add(signals.HTTPServer.Oldest, (now - first).Seconds())
}

// never is later than any request.
const never = time.Duration(math.MaxInt64)

// walk notes the routes of a shard's requests in flight, and returns since when the oldest of those waits that have not begun
// to be answered, and how many they are; the ones beyond maxWalk are taken to be no older. A request whose route
// cannot be known before it is answered is counted for none. The caller holds the shard's lock.
func (t *Tracker) walk(s *shard) (oldest time.Duration, waiting int) {
	walked, ring := 0, 0
	oldest = never
	note := func(f *flight) {
		walked++
		switch {
		case f.route != nil:
			f.route.active++
		case f.target.mux != nil:
			t.survey.targets = append(t.survey.targets, f.target)
		}
	}
	f := s.ring.next
	for ; f != &s.ring && walked < maxWalk; f = f.next {
		note(f)
		ring++
		if !f.answering.Load() {
			waiting++
			oldest = min(oldest, f.since())
		}
	}
	beyond := f != &s.ring
	if beyond {
		oldest = min(oldest, f.start)
	}
	for f = s.streams.next; f != &s.streams && walked < maxWalk; f = f.next {
		note(f)
	}
	t.routes.Other().active += s.active - walked
	if beyond {
		waiting += s.active - s.flushed - ring
	}
	return oldest, waiting
}

// sampleRoute appends the readings of one route and returns how many requests it has answered since the last.
func (t *Tracker) sampleRoute(dst *signals.Batch, r *route) uint64 {
	s := &t.survey
	total := r.latency.Take(&s.grown, &s.all)
	r.answered += total
	r.uses.Store(r.answered)
	if r.busy.Store(r.active > 0); total > 0 || r.active > 0 {
		r.used.Store(int64(time.Since(t.epoch)))
	}
	dst.AddInstance(signals.HTTPServer.RouteRequests, r.labels, float64(r.answered))
	dst.AddInstance(signals.HTTPServer.RouteErrors, r.labels, float64(r.errors.Load()))
	dst.AddInstance(signals.HTTPServer.RouteActive, r.labels, float64(r.active))
	if total > 0 {
		dst.AddInstance(signals.HTTPServer.RouteP99, r.labels, s.grown.Quantile(0.99, total))
	}
	r.active = 0
	return total
}
