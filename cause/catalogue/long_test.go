package catalogue

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/signals"
	"github.com/falsifiable/stability/signals/httpserver"
)

// An hour of requests that take long by design, with next to nothing beside them, violates no stock check; an hour of
// requests that are stuck does.
func TestStockChecksKnowLongRequests(t *testing.T) {
	for name, test := range map[string]struct {
		client  func(ctx context.Context, send func(path string, body io.Reader))
		violate bool
	}{
		"one stream of events": {client: func(_ context.Context, send func(string, io.Reader)) { send("/events", nil) }},
		"a stream that begins late, and its twin": {client: func(_ context.Context, send func(string, io.Reader)) {
			<-time.After(10 * time.Minute)
			go send("/events", nil)
			<-time.After(90 * time.Second)
			send("/events", nil)
		}},
		"one long poll": {client: func(ctx context.Context, send func(string, io.Reader)) {
			for ctx.Err() == nil {
				send("/poll", nil)
			}
		}},
		"one upload": {client: func(_ context.Context, send func(string, io.Reader)) { send("/upload", &drip{}) }},
		"a batch an hour": {client: func(_ context.Context, send func(string, io.Reader)) {
			<-time.After(5 * time.Minute)
			send("/batch", nil)
		}},
		"a probe and a stream": {client: func(ctx context.Context, send func(string, io.Reader)) {
			go send("/events", nil)
			for ctx.Err() == nil {
				send("/", nil)
				<-time.After(10 * time.Second)
			}
		}},
		"stuck": {violate: true, client: func(ctx context.Context, send func(string, io.Reader)) {
			for range 50 {
				send("/", nil)
				<-time.After(10 * time.Second)
			}
			for ctx.Err() == nil {
				go send("/stuck", nil)
				<-time.After(5 * time.Second)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				violated := hour(t, test.client)
				if (len(violated) > 0) != test.violate {
					t.Errorf("violated: %v", violated)
				}
			})
		})
	}
}

// hour lets a client at a server for an hour, under all stock contracts, and returns the checks that were violated.
func hour(t *testing.T, client func(ctx context.Context, send func(path string, body io.Reader))) (violated []string) {
	ctx, cancel := context.WithCancel(t.Context())
	tracker := httpserver.New(httpserver.Config{})
	handler := tracker.Middleware(long())
	go client(ctx, func(path string, body io.Reader) {
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, path, body)
		if body != nil {
			r.ContentLength = -1
		}
		handler.ServeHTTP(httptest.NewRecorder(), r)
	})
	schema := signals.NewSchema(signals.Standard()...)
	var contracts []*stability.Contract
	for _, c := range All() {
		contracts = append(contracts, c.Contract())
	}
	simulation, err := stability.Simulate(stability.SimulationConfig{Schema: schema}, contracts...)
	if err != nil {
		t.Fatal(err)
	}
	var batch signals.Batch
	for at := time.Second; at <= time.Hour; at += time.Second {
		<-time.After(time.Second)
		batch.Reset()
		tracker.Sample(&batch)
		var samples []signals.Sample
		for _, r := range batch.Readings() {
			id, _, _ := schema.Lookup(r.Signal.Desc().Name)
			samples = append(samples, signals.Sample{ID: id, Labels: r.Labels, At: at, Value: r.Value})
		}
		for _, tr := range simulation.Step(at, samples) {
			if tr.To == stability.Violated {
				violated = append(violated, tr.Contract+"/"+tr.Check)
			}
		}
	}
	cancel()
	<-time.After(2 * time.Minute)
	synctest.Wait()
	return violated
}

// long serves requests that take long, each in its way.
func long() http.Handler {
	mux := http.NewServeMux()
	wait := func(r *http.Request, d time.Duration) {
		select {
		case <-time.After(d):
		case <-r.Context().Done():
		}
	}
	mux.HandleFunc("/", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		wait(r, time.Hour)
	})
	mux.HandleFunc("/poll", func(_ http.ResponseWriter, r *http.Request) { wait(r, 5*time.Minute) })
	mux.HandleFunc("/upload", func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	mux.HandleFunc("/batch", func(_ http.ResponseWriter, r *http.Request) { wait(r, 40*time.Minute) })
	mux.HandleFunc("/stuck", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	return mux
}

// drip gives a few bytes every now and then, for 50 minutes.
type drip struct{ given int }

func (d *drip) Read(p []byte) (int, error) {
	if d.given++; d.given > 300 {
		return 0, io.EOF
	}
	<-time.After(10 * time.Second)
	return copy(p, "drop"), nil
}
