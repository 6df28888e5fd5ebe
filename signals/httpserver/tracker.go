// Package httpserver reads an HTTP server: requests begun and answered, errors, requests in flight, the age of the
// oldest, latency; all of it together and by route.
//
//	requests := httpserver.New(httpserver.Config{})
//	monitor.Attach(requests)
//	http.ListenAndServe(addr, requests.Middleware(mux))
package httpserver

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/falsifiable/stability/internal/capped"
	"github.com/falsifiable/stability/internal/faultpoint"
	"github.com/falsifiable/stability/signals"
)

// Config configures a [Tracker]. The zero value is useful.
type Config struct {
	// MaxRoutes caps the routes that have readings of their own; the rest share those of [signals.Other]. One that is asked
	// for more often takes the place of one that is asked for less, or not any more. Defaults to 100.
	MaxRoutes int
	// Route names the route of a request that has been answered; "" stands for none. It is called on the request's own
	// goroutine with the request that the middleware was given, and must be quick. Defaults to the request's Pattern, which
	// http.ServeMux sets and others may. It is for routers that keep the route elsewhere: the routes of requests in flight are
	// unknown then.
	Route func(*http.Request) string
}

// Unmatched is the route of requests that no pattern matched.
const Unmatched = "unmatched"

// Tracker follows the requests of a server and is the [signals.Source] of [signals.HTTPServer].
// Its middleware is safe for concurrent use, also of several servers with one Tracker. Make one with [New].
type Tracker struct {
	epoch   time.Time
	routes  *capped.Set[route]
	shards  [shardCount]shard
	flights sync.Pool // of *flight, each of which belongs to one shard for good
	made    atomic.Uint32
	route   func(*http.Request) string

	mu      sync.Mutex
	retired []*route // have lost their place and are still part of the sums

	survey survey // belongs to the sampling goroutine
}

// New returns a tracker that has seen no request.
func New(config Config) *Tracker {
	if config.MaxRoutes <= 0 {
		config.MaxRoutes = 100
	}
	if config.Route == nil {
		config.Route = func(r *http.Request) string { return r.Pattern }
	}
	t := &Tracker{epoch: time.Now(), route: config.Route, survey: newSurvey()}
	t.routes = capped.New(config.MaxRoutes, newRoute(signals.Other), func(pattern string) *route {
		r := newRoute(pattern)
		r.used.Store(int64(time.Since(t.epoch)))
		r.busy.Store(true) // until a reading has seen it
		return r
	})
	t.routes.Evict(capped.Eviction[route]{Idle: t.idle, Uses: uses, Evicted: t.retire})
	for i := range t.shards {
		t.shards[i].init()
	}
	t.flights.New = func() any {
		return &flight{shard: &t.shards[t.made.Add(1)%shardCount], tracker: t}
	}
	return t
}

// Middleware returns a handler which follows each request through next; nil stands for http.DefaultServeMux.
//
// The route of a request is what Config.Route says, by default the pattern of http.ServeMux that matched it. Put the middleware around a *ServeMux or
// around the handlers registered with one; between the two, a handler that copies the request (as WithContext does)
// hides the pattern, and the request counts as [Unmatched].
//
// What next is given can do what the server's own ResponseWriter can: flush, hijack, push, read from a file,
// and be unwrapped by http.ResponseController. A panic counts as an error and goes on. A hijacked connection
// counts as answered from then on. A response that streams is in flight for as long as it streams, but it waits for
// nothing: neither is it among those that wait, nor is it the oldest. An upload is as old as the last of it that was read.
func (t *Tracker) Middleware(next http.Handler) http.Handler {
	if next == nil {
		next = http.DefaultServeMux
	}
	mux, _ := next.(*http.ServeMux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The writer is not pooled, at the price of one small allocation: a handler's goroutine that writes after
		// the handler has returned must meet its own finished response, never that of another client.
		body := t.follow(r)
		tracked := &writer{inner: w, flight: t.begin(r, mux, body)}
		returned := false
		defer func() {
			tracked.end(!returned)
			if body != nil {
				r.Body = body.ReadCloser
			}
		}()
		outer := tracked.expose()
		if fault := faultpoint.Handler(); fault == nil || !fault(outer, r) {
			next.ServeHTTP(outer, r)
		}
		returned = true
	})
}

// Describe returns [signals.HTTPServer].
func (t *Tracker) Describe() []*signals.Signal { return signals.Group(signals.HTTPServer) }
