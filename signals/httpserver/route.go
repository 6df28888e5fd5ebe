package httpserver

import (
	"sync/atomic"

	"github.com/falsifiable/stability/internal/latency"
	"github.com/falsifiable/stability/signals"
)

// route counts the requests answered under one pattern. What is not atomic belongs to the sampling goroutine.
type route struct {
	labels   signals.Labels
	errors   atomic.Uint64
	latency  latency.Histogram
	answered uint64
	active   int
	// By the last reading that saw a request: when it was, since the tracker's epoch, how many there were by then, and whether one
	// was in flight.
	used atomic.Int64
	uses atomic.Uint64
	busy atomic.Bool
}

func newRoute(pattern string) *route {
	if pattern == "" {
		pattern = Unmatched
	}
	return &route{labels: signals.NewLabels("route", pattern)}
}
