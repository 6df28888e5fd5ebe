package httpserver

import (
	"math"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"github.com/falsifiable/stability/signal"
)

// routes finds the counters of a pattern. Finding a known one takes no lock.
type routes struct {
	max   int
	other *route
	table atomic.Pointer[routeTable]
	mu    sync.Mutex // held to replace the table
}

// routeTable is never changed once it is published.
type routeTable struct {
	byPattern map[string]*route
	list      []*route // in order of first appearance
}

func (r *routes) init(limit int) {
	r.max = limit
	r.other = newRoute(signal.Other)
	r.table.Store(&routeTable{})
}

func (r *routes) get(pattern string) *route {
	table := r.table.Load()
	if route, ok := table.byPattern[pattern]; ok {
		return route
	}
	if len(table.byPattern) >= r.max {
		return r.other
	}
	return r.add(pattern)
}

func (r *routes) add(pattern string) *route {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.table.Load()
	if route, ok := old.byPattern[pattern]; ok {
		return route
	}
	if len(old.byPattern) >= r.max {
		return r.other
	}
	label := pattern
	if label == "" {
		label = Unmatched
	}
	added := newRoute(label)
	table := &routeTable{byPattern: map[string]*route{pattern: added}}
	for p, route := range old.byPattern {
		table.byPattern[p] = route
	}
	table.list = append(append(table.list, old.list...), added)
	r.table.Store(table)
	return added
}

// route counts the requests answered under one pattern. What is not atomic belongs to the sampling goroutine.
type route struct {
	labels   signal.Labels
	errors   atomic.Uint64
	latency  histogram
	seen     [bucketCount]uint32 // the latency counts at the last reading
	answered uint64
	active   int
}

func newRoute(label string) *route { return &route{labels: signal.NewLabels("route", label)} }

// histogram counts latencies in buckets an eighth of an octave wide: 128 ns at the bottom, half an hour at the top.
// The counters may wrap, for only their differences are read.
type histogram struct {
	counts [bucketCount]atomic.Uint32
}

const (
	bucketCount = 256
	unitBits    = 7 // 128 ns
	stepBits    = 3 // steps in an octave
)

func (h *histogram) add(d time.Duration) { h.counts[bucket(d)].Add(1) }

// bucket returns the index of the bucket of d: as in a floating-point number, the octave above the step in it.
func bucket(d time.Duration) int {
	u := uint64(max(d, 0)) >> unitBits
	octave := max(bits.Len64(u)-stepBits-1, 0)
	return min(octave<<stepBits+int(u>>octave), bucketCount-1)
}

// bounds holds the lower bounds of the buckets in seconds, and infinity.
var bounds = func() (bounds [bucketCount + 1]float64) {
	for i := range bucketCount {
		octave := max(i>>stepBits-1, 0)
		ns := uint64(i-octave<<stepBits) << octave << unitBits
		bounds[i] = float64(ns) / 1e9
	}
	bounds[bucketCount] = math.Inf(1)
	return bounds
}()
