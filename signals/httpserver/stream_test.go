package httpserver

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Requests that are under way for long and yet wait for nothing: they are in flight, but neither waiting nor old.
func TestLongRequestsDoNotWait(t *testing.T) {
	hour := func(r *http.Request, step func()) {
		for range 60 {
			select {
			case <-r.Context().Done():
				return
			case <-time.After(time.Minute):
				step()
			}
		}
	}
	for name, test := range map[string]struct {
		handle  http.HandlerFunc
		body    io.Reader
		waiting float64
		oldest  time.Duration // after half an hour, at most
	}{
		"stream of events": {handle: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			w.(http.Flusher).Flush() // nothing has happened yet
			hour(r, func() { fmt.Fprint(w, "data: x\n\n"); w.(http.Flusher).Flush() })
		}},
		"stream by a response controller": {handle: func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).Flush()
			hour(r, func() {})
		}},
		"download": {handle: func(w http.ResponseWriter, r *http.Request) { hour(r, func() { fmt.Fprint(w, "more") }) }},
		"upload": {handle: func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) },
			body: &slowReader{every: 30 * time.Second, times: 120}, waiting: 1, oldest: time.Minute},
		"wait": {handle: func(_ http.ResponseWriter, r *http.Request) { hour(r, func() {}) }, waiting: 1, oldest: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tracker := New(Config{})
				handler := tracker.Middleware(test.handle)
				r := httptest.NewRequest("POST", "/", test.body)
				r.ContentLength = -1
				body := r.Body
				go handler.ServeHTTP(httptest.NewRecorder(), r)
				<-time.After(30*time.Minute + time.Second)
				readings := read(tracker)
				want(t, readings, "http.server.active_requests", 1)
				want(t, readings, "http.server.request.waiting", test.waiting)
				if got := readings["http.server.request.oldest"]; got > test.oldest.Seconds() || test.oldest == time.Hour && got < 1800 {
					t.Errorf("the oldest is %v s old, want at most %v", got, test.oldest)
				}
				<-time.After(31 * time.Minute)
				synctest.Wait()
				readings = read(tracker)
				want(t, readings, "http.server.active_requests", 0)
				want(t, readings, "http.server.request.waiting", 0)
				want(t, readings, "http.server.request.completed", 1)
				if r.Body != body {
					t.Error("the request has not got its body back")
				}
				get(handler2(tracker), "GET", "/") // a flight is used again
				want(t, read(tracker), "http.server.request.waiting", 0)
			})
		})
	}
}

func handler2(tracker *Tracker) http.Handler {
	return tracker.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
}

// slowReader gives a few bytes every now and then.
type slowReader struct {
	every time.Duration
	times int
}

func (s *slowReader) Read(p []byte) (int, error) {
	if s.times--; s.times < 0 {
		return 0, io.EOF
	}
	<-time.After(s.every)
	return copy(p, "more"), nil
}

// Many streams do not hide the requests behind them.
func TestStreamsDoNotHideOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracker := New(Config{})
		release := make(chan struct{})
		defer close(release)
		handler := tracker.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/events") {
				w.(http.Flusher).Flush()
			}
			<-release
		}))
		for range 20 * maxWalk {
			go get(handler, "GET", "/events")
		}
		<-time.After(time.Minute)
		for range 10 * maxWalk {
			go get(handler, "GET", "/stuck")
		}
		<-time.After(time.Second)
		readings := read(tracker)
		want(t, readings, "http.server.active_requests", 30*maxWalk)
		want(t, readings, "http.server.request.waiting", 10*maxWalk)
		want(t, readings, "http.server.request.oldest", 1)
	})
}
