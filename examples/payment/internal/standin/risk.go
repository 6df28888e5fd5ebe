// Package standin has the dependencies that a bare machine lacks: a risk-scoring service and a Redis. They listen on
// loopback like real ones, so that all the code that talks to real ones runs.
package standin

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net"
	"net/http"
	"time"

	"github.com/falsifiable/stability/examples/payment/internal/payment"
	"github.com/falsifiable/stability/examples/payment/internal/risk"
)

// suspicious is the amount, in minor units, from which the stand-in finds a payment too risky.
const suspicious = 1_000_000

// Risk is a running risk-scoring service.
type Risk struct {
	server *http.Server
	addr   string
}

// StartRisk serves risk scores on a TCP address, until Close.
func StartRisk(addr string) (*Risk, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("standin: starting the risk service: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /score", score)
	server := &http.Server{Handler: mux, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	go server.Serve(listener) // returns at Close
	return &Risk{server, listener.Addr().String()}, nil
}

// URL is the service's base URL.
func (r *Risk) URL() string { return "http://" + r.addr }

// Close stops the service at once.
func (r *Risk) Close() error { return r.server.Close() }

// score gives an account always the same low score, and a suspicious amount a high one.
func score(w http.ResponseWriter, r *http.Request) {
	var request payment.Request
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10)).Decode(&request); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer := risk.Answer{Score: 0.95}
	if request.Amount < suspicious {
		hash := fnv.New32a()
		hash.Write([]byte(request.Account))
		answer.Score = float64(hash.Sum32()%500) / 1000
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(answer) // an error means that the client has left
}
