// Package faultpoint is where an injected fault enters a request.
//
// A production binary never sets it, for only the fault room does and production does not link that; the price
// there is one atomic load per request. It is internal so that nobody else can.
package faultpoint

import (
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
)

// HandlerFunc runs inside the goroutine of a request, before the user's handler. If it reports that it has answered, the
// handler is left out.
type HandlerFunc func(w http.ResponseWriter, r *http.Request) (answered bool)

var (
	mu      sync.Mutex
	all     []*HandlerFunc
	current atomic.Pointer[HandlerFunc] // all of them as one; nil when there is none
)

// SetHandler makes the middleware of signals/httpserver call f before each request's handler, until restore.
// Several may be set; they run in the order in which they were. restore is idempotent.
func SetHandler(f HandlerFunc) (restore func()) {
	mu.Lock()
	defer mu.Unlock()
	all = append(all, &f)
	publish()
	return func() {
		mu.Lock()
		defer mu.Unlock()
		all = slices.DeleteFunc(all, func(other *HandlerFunc) bool { return other == &f })
		publish()
	}
}

func publish() {
	if len(all) == 0 {
		current.Store(nil)
		return
	}
	chain := slices.Clone(all)
	run := HandlerFunc(func(w http.ResponseWriter, r *http.Request) bool {
		for _, f := range chain {
			if (*f)(w, r) {
				return true
			}
		}
		return false
	})
	current.Store(&run)
}

// Handler returns what is to run before the handler of a request, nil for nothing.
func Handler() HandlerFunc {
	if f := current.Load(); f != nil {
		return *f
	}
	return nil
}
