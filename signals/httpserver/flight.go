package httpserver

import (
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/falsifiable/stability/internal/guarded"
)

// shardCount spreads the requests in flight over so many locks, that cores seldom wait for each other: a flight is
// pooled per core and stays with its shard.
const shardCount = 16

// shard keeps a share of the requests in flight, oldest first.
type shard struct {
	mu      sync.Mutex
	begun   uint64
	active  int
	flushed int    // of those in flight, the streams
	ring    flight // those that are not known to stream; its next is the oldest
	streams flight // those whose response has been flushed
	_       [64]byte
}

func (s *shard) init() {
	s.ring.next, s.ring.prev = &s.ring, &s.ring
	s.streams.next, s.streams.prev = &s.streams, &s.streams
}

// flight is one request under way.
type flight struct {
	tracker    *Tracker
	shard      *shard
	prev, next *flight
	start      time.Duration // since the tracker's epoch
	request    *http.Request // for the request's own goroutine only
	route      *route        // nil until the request is answered, unless it was known at the beginning
	target     target
	upload     *upload     // nil unless the request has a large body
	answering  atomic.Bool // the handler has written to the response
	streaming  bool        // the flight is among the streams; guarded by the shard's lock
}

// since is when anything was last seen of the request: its beginning, or the last of its body that was read.
func (f *flight) since() time.Duration {
	if f.upload != nil {
		return max(f.start, time.Duration(f.upload.read.Load()))
	}
	return f.start
}

// stream takes a request whose response has been flushed from those that wait for an answer: it may go on for hours.
func (f *flight) stream() {
	s := f.shard
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.streaming {
		return
	}
	f.streaming = true
	s.flushed++
	f.prev.next, f.next.prev = f.next, f.prev
	f.prev, f.next = s.streams.prev, &s.streams
	f.prev.next, s.streams.prev = f, f
}

// target is what a mux goes by. It is a copy, because the request belongs to its goroutine: the sampling
// goroutine may read neither its fields nor its pattern.
type target struct {
	mux           *http.ServeMux // nil when there is none to ask
	method, host  string
	path, rawPath string
}

func (t *Tracker) begin(r *http.Request, mux *http.ServeMux, body *upload) *flight {
	f := t.flights.Get().(*flight)
	f.request, f.upload = r, body
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
	if f.streaming {
		s.flushed--
	}
	f.prev.next, f.next.prev = f.next, f.prev
	s.mu.Unlock()
	route.latency.Add(took)
	if failed {
		route.errors.Add(1)
	}
	f.reset()
	t.flights.Put(f)
}

// nameRoute asks the service's function, which must not cost a request that has been answered.
func (t *Tracker) nameRoute(r *http.Request) (name string) {
	guarded.Call(func() error { name = t.route(r); return nil }, func(error) { name = "" })
	return name
}

// reset makes the flight ready for another request.
func (f *flight) reset() {
	f.prev, f.next, f.request, f.route, f.target, f.upload = nil, nil, nil, nil, target{}, nil
	f.start, f.streaming = 0, false
	f.answering.Store(false)
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
