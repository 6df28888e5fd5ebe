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
}

func newRoute(pattern string) *route {
	if pattern == "" {
		pattern = Unmatched
	}
	return &route{labels: signals.NewLabels("route", pattern)}
}
