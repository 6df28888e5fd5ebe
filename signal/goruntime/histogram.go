package goruntime

import (
	"math"
	"runtime/metrics"

	"github.com/falsifiable/stability/signal"
)

// histogram reads quantiles of what the runtime has added to one of its histograms since the last reading.
type histogram struct {
	metric        int // index into the source's samples
	p50, p99, max int // signals; -1 for not wanted
	last          []uint64
	grown         []uint64 // scratch: what each bucket has grown by
}

func (h *histogram) sample(dst *signal.Batch, samples []metrics.Sample) {
	v := samples[h.metric].Value
	if v.Kind() != metrics.KindFloat64Histogram {
		return
	}
	now := v.Float64Histogram()
	if len(h.last) != len(now.Counts) {
		h.last, h.grown = make([]uint64, len(now.Counts)), make([]uint64, len(now.Counts))
	}
	var total uint64
	for i, n := range now.Counts {
		h.grown[i] = n - h.last[i]
		total += h.grown[i]
	}
	if total == 0 {
		return
	}
	copy(h.last, now.Counts)
	dst.Add(h.p50, quantile(0.50, h.grown, total, now.Buckets))
	dst.Add(h.p99, quantile(0.99, h.grown, total, now.Buckets))
	if h.max >= 0 {
		dst.Add(h.max, quantile(1, h.grown, total, now.Buckets))
	}
}

// quantile returns the q-quantile of total observations, bucket i holding counts[i] of them between bounds[i] and
// bounds[i+1]. Within a bucket they are taken as evenly spread; the runtime's time buckets are a quarter of an
// octave wide, so the result is within a quarter of the truth.
func quantile(q float64, counts []uint64, total uint64, bounds []float64) float64 {
	rank, seen := q*float64(total), 0.0
	for i, n := range counts {
		if n == 0 || seen+float64(n) < rank {
			seen += float64(n)
			continue
		}
		low, high := max(bounds[i], 0), bounds[i+1]
		if math.IsInf(high, 1) {
			return low
		}
		return low + (high-low)*(rank-seen)/float64(n)
	}
	return math.NaN() // total is not the sum of counts
}
