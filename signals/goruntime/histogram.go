package goruntime

import (
	"runtime/metrics"

	"github.com/falsifiable/stability/internal/quantile"
	"github.com/falsifiable/stability/signals"
)

// histogram reads quantiles of what the runtime has added to one of its histograms since the last reading.
// Its time buckets are at most a quarter of their value wide, and so is the error.
type histogram struct {
	metric        int             // index into the source's samples
	p50, p99, max *signals.Signal // nil for not wanted
	last          []uint64
	grown         []uint64 // scratch: what each bucket has grown by
}

func (h *histogram) sample(dst *signals.Batch, samples []metrics.Sample) {
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
	dst.Add(h.p50, quantile.Of(0.50, h.grown, total, now.Buckets))
	dst.Add(h.p99, quantile.Of(0.99, h.grown, total, now.Buckets))
	if h.max != nil {
		dst.Add(h.max, quantile.Of(1, h.grown, total, now.Buckets))
	}
}
