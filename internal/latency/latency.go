// Package latency counts latencies for sources that report their quantiles: one atomic addition for each, and no
// allocation when they are read.
package latency

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/falsifiable/stability/internal/quantile"
)

// A bucket is an eighth of an octave wide: 128 ns at the bottom, half an hour at the top.
const (
	bucketCount = 256
	unitBits    = 7 // 128 ns
	stepBits    = 3 // steps in an octave
)

// Histogram counts latencies. The zero Histogram is empty. Add is safe for concurrent use, Take is for one reader.
type Histogram struct {
	// The counters may wrap, for only their differences are read.
	counts [bucketCount]atomic.Uint32
	taken  [bucketCount]uint32 // the counts at the last Take; the reader's own
}

// Add counts one latency.
func (h *Histogram) Add(d time.Duration) { h.counts[bucket(d)].Add(1) }

// Take sets grown to the latencies counted since the last Take, adds them to all as well, and returns how many there are.
func (h *Histogram) Take(grown, all *Counts) (total uint64) {
	for i := range h.counts {
		n := h.counts[i].Load()
		grown[i] = uint64(n - h.taken[i])
		all[i] += grown[i]
		total += grown[i]
		h.taken[i] = n
	}
	return total
}

// Counts are latencies by bucket.
type Counts [bucketCount]uint64

// Quantile returns the q-quantile, in seconds, of counts whose sum is total.
func (c *Counts) Quantile(q float64, total uint64) float64 {
	return quantile.Of(q, c[:], total, bounds[:])
}

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
