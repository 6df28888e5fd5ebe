package load

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// A stream is held open beside the short requests, opened again when its time is over, and closed at the end.
func TestHold(t *testing.T) {
	const hold = 300 * time.Millisecond
	var opened, short atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/events" {
			short.Add(1)
			return
		}
		opened.Add(1)
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
	begun := time.Now()
	go func() {
		met, err := Run(ctx, Config{BaseURL: server.URL, Rate: 100, Targets: []Target{{Path: "/events", Hold: hold}, {Path: "/"}}})
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
	// The server hears late of the end of a stream, so it is not asked how many there are: one client opens so many, two twice as many.
	if n := opened.Load(); n > 1+int64(time.Since(begun)/hold) {
		t.Errorf("%d streams were opened within %v, more than one client can that holds each for %v", n, time.Since(begun), hold)
	}
	cancel()
	if met := <-done; met.Statuses["200"] < 20 || met.Answered != met.Sent {
		t.Errorf("met %+v", met)
	}
}

// A WebSocket is held and talked into, an upload is sent for as long as it is to last, each by one client.
func TestLongRequests(t *testing.T) {
	var talked, open, most atomic.Int64
	var uploaded atomic.Int64 // in how many pieces the last whole upload came; how many a busy server sees at a time varies
	mux := http.NewServeMux()
	mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.CloseNow()
		most.Store(max(most.Load(), open.Add(1)))
		defer open.Add(-1)
		for {
			_, message, err := conn.Read(r.Context())
			if err != nil {
				return
			}
			if string(message) == "hello 1" || string(message) == "hello 2" {
				talked.Add(1)
			}
		}
	})
	mux.HandleFunc("POST /up", func(w http.ResponseWriter, r *http.Request) {
		pieces := int64(0)
		for buffer := make([]byte, 64<<10); ; pieces++ {
			switch _, err := r.Body.Read(buffer); err {
			case nil:
			case io.EOF:
				uploaded.Store(pieces)
				return
			default: // the end of the load has broken it off
				return
			}
		}
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	live, done := new(Live), make(chan Summary, 1)
	go func() {
		met, err := Run(ctx, Config{BaseURL: server.URL, Live: live, Targets: []Target{
			{Path: "/ws", WebSocket: true, Body: "hello ${n}", Hold: time.Minute},
			{Path: "/up", Upload: true, Hold: 300 * time.Millisecond},
		}})
		if err != nil {
			t.Error(err)
		}
		done <- met
	}()
	deadline := time.After(20 * time.Second)
	for talked.Load() < 2 || uploaded.Load() < 10 || live.Met().Answered < 2 {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-deadline:
			t.Fatalf("%d messages came, the upload in %d pieces, met %+v", talked.Load(), uploaded.Load(), live.Met())
		}
	}
	cancel()
	met := <-done
	if most.Load() != 1 || met.Statuses["101"] != 1 || met.Statuses["200"] == 0 || met.Answered != met.Sent {
		t.Errorf("%d WebSockets at once, met %+v", most.Load(), met)
	}
}
