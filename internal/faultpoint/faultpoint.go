// Package faultpoint is where an injected fault enters a request.
//
// A production binary never sets it, for only the fault room does and production does not link that; the price
// there is one atomic load per request. It is internal so that nobody else can.
package faultpoint

import (
	"net/http"
	"sync/atomic"
)

// HandlerFunc runs inside the goroutine of a request, before the user's handler.
type HandlerFunc func(w http.ResponseWriter, r *http.Request)

var handler atomic.Pointer[HandlerFunc]

// SetHandler makes the middleware of signal/httpserver call f before each request's handler, until restore.
// A second call wraps the first: both run, the older first.
func SetHandler(f HandlerFunc) (restore func()) {
	for {
		old := handler.Load()
		combined := f
		if old != nil {
			combined = func(w http.ResponseWriter, r *http.Request) {
				(*old)(w, r)
				f(w, r)
			}
		}
		if handler.CompareAndSwap(old, &combined) {
			return func() { handler.CompareAndSwap(&combined, old) }
		}
	}
}

// Handler returns what is to run before the handler of a request, nil for nothing.
func Handler() HandlerFunc {
	if f := handler.Load(); f != nil {
		return *f
	}
	return nil
}
