package agent

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/fault"
)

// connect returns a client of a stand-in agent that answers every path by its handler.
func connect(t *testing.T, handle func(w http.ResponseWriter, r *http.Request)) *Client {
	t.Helper()
	dir, err := os.MkdirTemp("", "ac-") // short: a socket's path has little room
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(handle)}
	go server.Serve(listener)
	client := New(filepath.Join(dir, "s"))
	t.Cleanup(func() {
		client.Close()
		server.Close()
		os.RemoveAll(dir)
	})
	return client
}

// What a real monitor writes is what the client reads.
func TestMonitors(t *testing.T) {
	monitor := stability.NewMonitor(stability.Config{Service: "pay"})
	if err := monitor.Register(&stability.Contract{Name: "c", Checks: []stability.Check{{Name: "k", Expr: "runtime.NumGoroutine() > 5"}}}); err != nil {
		t.Fatal(err)
	}
	client := connect(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RequestURI() != "/v1/monitors?after=7" {
			http.Error(w, "not asked for", http.StatusNotFound)
			return
		}
		snapshot, err := json.Marshal(monitor.Snapshot(7))
		if err != nil {
			t.Error(err)
		}
		w.Write([]byte("[" + string(snapshot) + "]"))
	})
	got, err := client.Monitors(t.Context(), 7)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].Service != "pay" || got[0].Contracts[0].Checks[0].State != stability.Unknown || got[0].Contracts[0].Checks[0].Hash == "" {
		t.Errorf("read %+v", got)
	}
}

func TestOrders(t *testing.T) {
	client := connect(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.Method + " " + r.URL.Path {
		case "POST /v1/faults/leak":
			var order fault.Order
			if err := json.NewDecoder(r.Body).Decode(&order); err != nil || order.Params["rate"] != "9" || order.Seed != 3 {
				t.Errorf("order %+v, %v", order, err)
			}
			json.NewEncoder(w).Encode(fault.Ordered{ID: "leak-1"})
		case "GET /v1/faults/leak-1":
			json.NewEncoder(w).Encode(fault.Witness{Active: true, Value: 4})
		case "DELETE /v1/faults/leak-1":
			json.NewEncoder(w).Encode(fault.Residue{Value: 1})
		default:
			w.WriteHeader(http.StatusUnprocessableEntity)
			json.NewEncoder(w).Encode(fault.Refusal{Error: "there is no such fault"})
		}
	})
	id, err := client.Inject(t.Context(), "leak", fault.Order{Params: fault.Settings{"rate": "9"}, Seed: 3})
	if err != nil || id != "leak-1" {
		t.Fatalf("%q, %v", id, err)
	}
	if w, err := client.Witness(t.Context(), id); err != nil || !w.Active || w.Value != 4 {
		t.Errorf("witness %+v, %v", w, err)
	}
	if r, err := client.Remove(t.Context(), id); err != nil || r.Value != 1 {
		t.Errorf("residue %+v, %v", r, err)
	}
	if _, err := client.Inject(t.Context(), "laek", fault.Order{}); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "no such fault") {
		t.Errorf("a wrong order: %v", err)
	}
}

func TestSilentAgents(t *testing.T) {
	if _, err := New("/nowhere/s").Hello(t.Context()); err == nil || errors.Is(err, ErrRefused) {
		t.Errorf("no agent: %v", err)
	}
	broken := connect(t, func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("{")) })
	if _, err := broken.Hello(t.Context()); err == nil || !strings.Contains(err.Error(), "/v1/hello") {
		t.Errorf("a broken answer: %v", err)
	}
	rude := connect(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500) })
	if _, err := rude.Hello(t.Context()); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "500") {
		t.Errorf("a refusal without words: %v", err)
	}
}
