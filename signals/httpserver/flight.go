package httpserver

import (
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/falsifiable/stability/internal/guarded"
)

// shardCount spreads the requests in flight over so many locks, that cores seldom wait for each other: a flight is
// pooled per core and stays with its shard.
const shardCount = 16

// shard keeps a share of the requests in flight, oldest first.
type shard struct {
	mu     sync.Mutex
	begun  uint64
	active int
	ring   flight // its next is the oldest
	_      [64]byte
}

func (s *shard) init() { s.ring.next, s.ring.prev = &s.ring, &s.ring }

// flight is one request under way.
type flight struct {
	tracker    *Tracker
	shard      *shard
	prev, next *flight
	start      time.Duration // since the tracker's epoch
	request    *http.Request // for the request's own goroutine only
	route      *route        // nil until the request is answered, unless it was known at the beginning
	target     target
}

// target is what a mux goes by. It is a copy, because the request belongs to its goroutine: the sampling
// goroutine may read neither its fields nor its pattern.
type target struct {
	mux           *http.ServeMux // nil when there is none to ask
	method, host  string
	path, rawPath string
}

func (t *Tracker) begin(r *http.Request, mux *http.ServeMux) *flight {
	f := t.flights.Get().(*flight)
	f.request = r
	switch {
	case mux != nil && r.URL != nil: // a pattern that is there already is that of an outer mux, and about to be replaced
		f.target = target{mux, r.Method, r.Host, r.URL.Path, r.URL.RawPath}
	case r.Pattern != "":
		f.route = t.routes.Get(r.Pattern)
	}
	s := f.shard
	f.start = time.Since(t.epoch)
	s.mu.Lock()
	s.begun++
	s.active++
	f.prev, f.next = s.ring.prev, &s.ring
	f.prev.next, s.ring.prev = f, f
	s.mu.Unlock()
	return f
}

func (f *flight) end(failed bool) {
	t, s := f.tracker, f.shard
	took := time.Since(t.epoch) - f.start
	route := t.routes.Get(t.nameRoute(f.request))
	s.mu.Lock()
	s.active--
	f.prev.next, f.next.prev = f.next, f.prev
	s.mu.Unlock()
	route.latency.Add(took)
	if failed {
		route.errors.Add(1)
	}
	*f = flight{tracker: t, shard: s}
	t.flights.Put(f)
}

// nameRoute asks the service's function, which must not cost a request that has been answered.
func (t *Tracker) nameRoute(r *http.Request) (name string) {
	guarded.Call(func() error { name = t.route(r); return nil }, func(error) { name = "" })
	return name
}

// pattern asks the mux for the pattern of a request, following muxes within muxes as the request will.
// The scratch request is the caller's.
func (t *target) pattern(scratch *http.Request) string {
	scratch.Method, scratch.Host = t.method, t.host
	*scratch.URL = url.URL{Path: t.path, RawPath: t.rawPath}
	var pattern string
	for mux, ok := t.mux, true; ok; {
		handler, matched := mux.Handler(scratch)
		if matched == "" {
			break
		}
		pattern = matched
		mux, ok = handler.(*http.ServeMux)
	}
	return pattern
}
