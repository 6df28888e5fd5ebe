package httpserver

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// Requests that no sound client makes, beside one another and a reader: each of them ends, and they make no more readings than the
// routes that there may be.
func TestHostileRequests(t *testing.T) {
	const clients, each, routes = 8, 60, 5
	paths := []string{"/u/1/2", "//u//1", "/u/\xff\xfe/x", "/u/../../etc", "*", "", "/in/\xff", "/" + strings.Repeat("a/", 5000), "/in/x\x00y", "/u/{id}/..."}
	hosts := []string{"", "example.com:80", "\xff", "[::1", strings.Repeat("h", 10_000)}
	tracker := New(Config{MaxRoutes: routes})
	mux, inner := http.NewServeMux(), http.NewServeMux()
	for i := range 3 * routes {
		mux.HandleFunc(fmt.Sprintf("GET /u/{id}/%d/{rest...}", i), func(http.ResponseWriter, *http.Request) {})
	}
	mux.HandleFunc("example.com/{$}", func(http.ResponseWriter, *http.Request) {})
	inner.HandleFunc("/in/{x}", func(http.ResponseWriter, *http.Request) { panic("inside") })
	mux.Handle("/in/", inner)
	handler := tracker.Middleware(mux)
	send := func(i int) {
		defer func() { _ = recover() }() // as net/http does: the handler's own panic, and that of the mux about a request without a URL
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path, r.Host = paths[i%len(paths)], hosts[i%len(hosts)]
		switch {
		case i%4 == 0:
			r.URL.Path = fmt.Sprintf("/u/x/%d/y", i%(3*routes))
		case i%11 == 0:
			r.URL = nil
		case i%5 == 0:
			r.Method = []string{"CONNECT", "BREW", "", "GET\x00"}[i/5%4]
		case i%3 == 0:
			r.URL.RawPath = "/%zz"
		}
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			for i := range each {
				send(c + i)
				if c == 0 { // one reads: a source is for one reader
					read(tracker)
				}
			}
		})
	}
	all.Wait()
	readings := read(tracker)
	want(t, readings, "http.server.request.count", clients*each)
	want(t, readings, "http.server.request.completed", clients*each)
	want(t, readings, "http.server.active_requests", 0)
	found := 0
	for name := range readings {
		if strings.HasPrefix(name, "http.server.route.request.count{") {
			found++
		}
	}
	if found == 0 || found > routes+2 { // beside them those that match nothing, and all others as one
		t.Errorf("%d routes are read, want at most %d", found, routes+2)
	}
}
