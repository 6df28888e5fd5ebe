package load

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// A stream is held open beside the short requests, opened again when its time is over, and closed at the end.
func TestHold(t *testing.T) {
	var streams, opened, short atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/events" {
			short.Add(1)
			return
		}
		opened.Add(1)
		streams.Add(1)
		defer streams.Add(-1)
		for r.Context().Err() == nil {
			fmt.Fprint(w, "data: x\n\n")
			w.(http.Flusher).Flush()
			select {
			case <-time.After(10 * time.Millisecond):
			case <-r.Context().Done():
			}
		}
	}))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan Summary, 1)
	go func() {
		met, err := Run(ctx, Config{BaseURL: server.URL, Rate: 100, Targets: []Target{{Path: "/events", Hold: 300 * time.Millisecond}, {Path: "/"}}})
		if err != nil {
			t.Error(err)
		}
		done <- met
	}()
	deadline := time.After(20 * time.Second)
	for opened.Load() < 2 || short.Load() < 20 {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-deadline:
			t.Fatalf("%d streams opened, %d short requests", opened.Load(), short.Load())
		}
	}
	if streams.Load() > 1 {
		t.Errorf("%d streams at the same time, want one", streams.Load())
	}
	cancel()
	if met := <-done; met.Statuses["200"] < 20 || met.Answered != met.Sent {
		t.Errorf("met %+v", met)
	}
}
