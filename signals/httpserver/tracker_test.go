package httpserver

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/internal/faultpoint"
	"github.com/falsifiable/stability/signals"
)

// read samples t and returns the readings by signal name, with the route where there is one: name{route="..."}.
func read(tracker *Tracker) map[string]float64 {
	var batch signals.Batch
	tracker.Sample(&batch)
	readings := make(map[string]float64)
	for _, r := range batch.Readings() {
		readings[r.Signal.Name()+r.Labels.String()] = r.Value
	}
	return readings
}

func want(t *testing.T, readings map[string]float64, name string, value float64) {
	t.Helper()
	if got, ok := readings[name]; !ok || got != value {
		t.Errorf("%s = %v (read: %v), want %v", name, got, ok, value)
	}
}

func get(handler http.Handler, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

func TestRequestsAreCounted(t *testing.T) {
	tracker := New(Config{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ok", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "ok") })
	mux.HandleFunc("GET /silent", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /bad", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) })
	mux.HandleFunc("GET /sick", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	mux.HandleFunc("GET /early", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusInternalServerError)
	})
	handler := tracker.Middleware(mux)
	for _, path := range []string{"/ok", "/ok", "/silent", "/bad", "/sick", "/early", "/nowhere"} {
		get(handler, "GET", path)
	}
	readings := read(tracker)
	want(t, readings, "http.server.request.count", 7)
	want(t, readings, "http.server.request.completed", 7)
	want(t, readings, "http.server.request.error.count", 2)
	want(t, readings, "http.server.active_requests", 0)
	want(t, readings, "http.server.request.oldest", 0)
	want(t, readings, `http.server.route.request.count{route="GET /ok"}`, 2)
	want(t, readings, `http.server.route.request.error.count{route="GET /ok"}`, 0)
	want(t, readings, `http.server.route.request.error.count{route="GET /sick"}`, 1)
	want(t, readings, `http.server.route.request.error.count{route="GET /early"}`, 1)
	want(t, readings, `http.server.route.request.error.count{route="GET /bad"}`, 0)
	want(t, readings, `http.server.route.request.count{route="unmatched"}`, 1)
}

func TestPanicIsAnErrorAndGoesOn(t *testing.T) {
	tracker := New(Config{})
	cause := errors.New("broken")
	handler := tracker.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(cause) }))
	func() {
		defer func() {
			if got := recover(); got != cause {
				t.Errorf("the panic arrived as %v, want %v", got, cause)
			}
		}()
		get(handler, "GET", "/")
	}()
	readings := read(tracker)
	want(t, readings, "http.server.request.error.count", 1)
	want(t, readings, "http.server.active_requests", 0)
}

func TestLatencyIsOfTheRequestsSinceTheLastReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracker := New(Config{})
		mux := http.NewServeMux()
		var delay time.Duration
		mux.HandleFunc("/pay", func(http.ResponseWriter, *http.Request) { <-time.After(delay) })
		handler := tracker.Middleware(mux)
		serve := func(n int, d time.Duration) {
			delay = d
			for range n {
				get(handler, "POST", "/pay")
			}
		}
		near := func(readings map[string]float64, name string, want time.Duration) {
			t.Helper()
			if got := readings[name]; got < 0.9*want.Seconds() || got > 1.1*want.Seconds() {
				t.Errorf("%s = %v s, want %v within a tenth", name, got, want)
			}
		}
		serve(90, 10*time.Millisecond)
		serve(10, 300*time.Millisecond)
		readings := read(tracker)
		near(readings, "http.server.request.duration.p50", 10*time.Millisecond)
		near(readings, "http.server.request.duration.p99", 300*time.Millisecond)
		near(readings, `http.server.route.request.duration.p99{route="/pay"}`, 300*time.Millisecond)

		if v, ok := read(tracker)["http.server.request.duration.p99"]; ok {
			t.Errorf("p99 = %v in a tick without requests, want no reading", v)
		}
		serve(10, time.Second)
		near(read(tracker), "http.server.request.duration.p50", time.Second)
	})
}

func TestRequestsInFlightAreKnownByRouteAndAge(t *testing.T) {
	inner := http.NewServeMux() // a mux in a mux: the inner pattern counts, as in r.Pattern
	release := make(chan struct{})
	for _, place := range []string{"around the mux", "around the mux, within another", "around the handlers"} {
		t.Run(place, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tracker := New(Config{})
				release = make(chan struct{})
				wait := http.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
				if place == "around the handlers" {
					wait = tracker.Middleware(wait)
				}
				mux := http.NewServeMux()
				mux.Handle("GET /orders/{id}", wait)
				inner = http.NewServeMux()
				inner.Handle("POST /api/pay", wait)
				mux.Handle("/api/", inner)
				handler := http.Handler(mux)
				if place != "around the handlers" {
					handler = tracker.Middleware(mux)
				}
				if place == "around the mux, within another" {
					outer := http.NewServeMux()
					outer.Handle("/", handler)
					handler = outer
				}
				go get(handler, "POST", "/api/pay")
				<-time.After(3 * time.Second)
				for range 2 {
					go get(handler, "GET", "/orders/7")
				}
				<-time.After(time.Second)
				readings := read(tracker)
				want(t, readings, "http.server.active_requests", 3)
				want(t, readings, "http.server.request.count", 3)
				want(t, readings, "http.server.request.completed", 0)
				want(t, readings, "http.server.request.oldest", 4)
				want(t, readings, `http.server.route.active_requests{route="GET /orders/{id}"}`, 2)
				want(t, readings, `http.server.route.active_requests{route="POST /api/pay"}`, 1)
				close(release)
				synctest.Wait()
				readings = read(tracker)
				want(t, readings, "http.server.active_requests", 0)
				want(t, readings, "http.server.request.oldest", 0)
				want(t, readings, `http.server.route.active_requests{route="GET /orders/{id}"}`, 0)
				want(t, readings, `http.server.route.request.count{route="POST /api/pay"}`, 1)
			})
		})
	}
}

func TestHazard06RoutesPastTheCapFoldTogether(t *testing.T) {
	tracker := New(Config{MaxRoutes: 2})
	mux := http.NewServeMux()
	for _, p := range []string{"/a", "/b", "/c", "/d"} {
		mux.HandleFunc(p, func(http.ResponseWriter, *http.Request) {})
	}
	handler := tracker.Middleware(mux)
	for _, p := range []string{"/a", "/b", "/c", "/d", "/d"} {
		get(handler, "GET", p)
	}
	readings := read(tracker)
	want(t, readings, "http.server.request.completed", 5)
	want(t, readings, `http.server.route.request.count{route="/a"}`, 1)
	want(t, readings, `http.server.route.request.count{route="other"}`, 3)
	if _, ok := readings[`http.server.route.request.count{route="/c"}`]; ok {
		t.Error("a route past the cap has readings of its own")
	}
}

func TestManyStuckRequestsAreAllCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const stuck = shardCount*maxWalk + 5000
		tracker := New(Config{})
		release := make(chan struct{})
		mux := http.NewServeMux()
		mux.HandleFunc("/slow", func(http.ResponseWriter, *http.Request) { <-release })
		handler := tracker.Middleware(mux)
		for range stuck {
			go get(handler, "GET", "/slow")
		}
		synctest.Wait()
		readings := read(tracker)
		want(t, readings, "http.server.active_requests", stuck)
		byRoute := readings[`http.server.route.active_requests{route="/slow"}`] + readings[`http.server.route.active_requests{route="other"}`]
		if byRoute != stuck || len(tracker.survey.targets) > shardCount*maxWalk {
			t.Errorf("the routes have %v requests in flight, want %d", byRoute, stuck)
		}
		close(release)
		synctest.Wait()
		want(t, read(tracker), `http.server.route.active_requests{route="other"}`, 0)
	})
}

func TestFaultEntersBeforeTheHandlerAndIsTracked(t *testing.T) {
	tracker := New(Config{})
	reached := false
	handler := tracker.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	restore := faultpoint.SetHandler(func(w http.ResponseWriter, r *http.Request) bool {
		if reached {
			t.Error("the fault came after the handler")
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return r.URL.Path == "/answered"
	})
	get(handler, "GET", "/answered")
	if reached {
		t.Error("the handler was reached though the request was answered")
	}
	get(handler, "GET", "/")
	restore()
	if !reached {
		t.Error("the handler was not reached")
	}
	get(handler, "GET", "/")
	want(t, read(tracker), "http.server.request.error.count", 2)
}

func TestNilStandsForTheDefaultMux(t *testing.T) {
	before := http.DefaultServeMux
	defer func() { http.DefaultServeMux = before }()
	http.DefaultServeMux = http.NewServeMux()
	http.HandleFunc("/teapot", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) })
	if code := get(New(Config{}).Middleware(nil), "GET", "/teapot").Code; code != http.StatusTeapot {
		t.Errorf("status = %d, want that of the handler", code)
	}
}

// Places under the cap come back: a route that is asked for takes that of one which nobody asks for any more, and what all
// of them together have counted does not fall.
func TestAnotherRouteTakesThePlaceOfOneThatIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracker := New(Config{MaxRoutes: 2, Route: func(r *http.Request) string { return r.URL.Path }})
		handler := tracker.Middleware(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }))
		ask := func(path string) map[string]float64 {
			handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
			return read(tracker)
		}
		ask("/a")
		ask("/b")
		if got := ask("/c"); got[`http.server.route.request.count{route="other"}`] != 1 {
			t.Errorf("the third of two routes counts for itself: %v", got)
		}
		for range 11 { // /b is asked for all the time
			<-time.After(time.Minute)
			ask("/b")
		}
		got := ask("/c")
		for _, route := range []string{"/b", "/c"} {
			if _, ok := got[`http.server.route.request.count{route="`+route+`"}`]; !ok {
				t.Errorf("%s has no place: %v", route, got)
			}
		}
		if _, ok := got[`http.server.route.request.count{route="/a"}`]; ok {
			t.Error("/a, which was forgotten, has a place still")
		}
		for range 3 {
			if got := read(tracker)["http.server.request.error.count"]; got != 15 {
				t.Errorf("%v errors in all, want 15", got)
			}
		}
	})
}
