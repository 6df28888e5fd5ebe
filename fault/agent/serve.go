package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"time"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/internal/running"
)

const (
	maxBody = 64 << 10
	// patience is how long a request to remove waits for everything to be released.
	patience = 30 * time.Second
)

// handler serves the protocol that fault/wire.go describes.
func (d *desk) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/hello", d.hello)
	mux.HandleFunc("GET /v1/monitors", d.monitors)
	mux.HandleFunc("GET /v1/schema", d.schema)
	mux.HandleFunc("POST /v1/faults/{name}", d.inject)
	mux.HandleFunc("GET /v1/faults/{id}", d.ask)
	mux.HandleFunc("DELETE /v1/faults/{id}", d.removeOne)
	mux.HandleFunc("DELETE /v1/faults", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		answer(w, d.removeAll(ctx))
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		err := fmt.Errorf("agent: %s %s is not part of the protocol: see fault/wire.go", r.Method, r.URL.Path)
		refuse(w, http.StatusNotFound, err)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.renew()
		mux.ServeHTTP(w, r)
	})
}

func (d *desk) hello(w http.ResponseWriter, _ *http.Request) {
	answer(w, fault.Hello{PID: os.Getpid(), Go: runtime.Version(), Scale: d.scale, Faults: withOwn(d.faults)})
}

func (d *desk) monitors(w http.ResponseWriter, r *http.Request) {
	after := uint64(0)
	if text := r.FormValue("after"); text != "" {
		var err error
		if after, err = strconv.ParseUint(text, 10, 64); err != nil {
			err = fmt.Errorf("agent: showing monitors: after=%q is not the number of a transition", text)
			refuse(w, http.StatusBadRequest, err)
			return
		}
	}
	snapshots := []json.RawMessage{}
	for _, m := range running.List() {
		snapshot, err := m.SnapshotJSON(after)
		if err != nil {
			refuse(w, http.StatusInternalServerError, fmt.Errorf("agent: showing monitors: %w", err))
			return
		}
		snapshots = append(snapshots, snapshot)
	}
	answer(w, snapshots)
}

func (d *desk) schema(w http.ResponseWriter, _ *http.Request) {
	schemas := []json.RawMessage{}
	for _, m := range running.List() {
		schema, err := m.SchemaJSON()
		if err != nil {
			refuse(w, http.StatusInternalServerError, fmt.Errorf("agent: showing signals: %w", err))
			return
		}
		schemas = append(schemas, schema)
	}
	answer(w, schemas)
}

func (d *desk) inject(w http.ResponseWriter, r *http.Request) {
	var o fault.Order
	body := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	body.DisallowUnknownFields()
	if err := body.Decode(&o); err != nil && !errors.Is(err, io.EOF) { // no body: all defaults
		refuse(w, http.StatusBadRequest, fmt.Errorf("agent: reading an order: %w", err))
		return
	}
	id, err := d.place(r.PathValue("name"), o)
	switch {
	case errors.Is(err, errFull):
		refuse(w, http.StatusTooManyRequests, fmt.Errorf("agent: taking an order: %w", err))
	case err != nil:
		refuse(w, http.StatusUnprocessableEntity, err)
	default:
		answer(w, fault.Ordered{ID: id})
	}
}

func (d *desk) ask(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	witness, err := d.witness(id)
	if err != nil {
		refuse(w, http.StatusNotFound, fmt.Errorf("agent: asking for %q: %w", id, err))
		return
	}
	if math.IsNaN(witness.Value) || math.IsInf(witness.Value, 0) {
		witness.Value = 0 // JSON has no word for what could not be measured; Active is false then
	}
	answer(w, witness)
}

func (d *desk) removeOne(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	residue, err := d.remove(ctx, id)
	switch {
	case errors.Is(err, errUnknown):
		refuse(w, http.StatusNotFound, fmt.Errorf("agent: removing %q: %w", id, err))
	case err != nil:
		refuse(w, http.StatusInternalServerError, fmt.Errorf("agent: removing %q: %w", id, err))
	default:
		answer(w, residue)
	}
}

func answer(w http.ResponseWriter, v any) { reply(w, http.StatusOK, v) }

func refuse(w http.ResponseWriter, status int, err error) {
	reply(w, status, fault.Refusal{Error: err.Error()})
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // an error here means that the client is gone
}
