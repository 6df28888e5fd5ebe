package evidence

import (
	"math"
	"runtime/metrics"
	"time"
)

// Cost is what a capture took from its host.
type Cost struct {
	Wall time.Duration `json:"wall_ns"`
	// CPU is that of the threads that collected; absent where threads cannot be metered.
	CPU time.Duration `json:"cpu_ns,omitempty"`
	// Stops counts stop-the-world pauses while the capture ran, those of others included. Stopped is at least their
	// sum, Longest at least the longest of them: the runtime keeps them by size class.
	Stops   uint64        `json:"stops"`
	Stopped time.Duration `json:"stopped_ns"`
	Longest time.Duration `json:"longest_stop_ns"`
	Bytes   int64         `json:"bytes"` // on disk, without the manifest
}

// meter measures one capture.
type meter struct {
	start   time.Time
	samples []metrics.Sample
	before  [][]uint64
}

// The pauses "other" are those that profiles and traces cause; "gc" those of the collections that a leak profile starts.
func startMeter() *meter {
	m := &meter{start: time.Now(), samples: []metrics.Sample{
		{Name: "/sched/pauses/total/other:seconds"}, {Name: "/sched/pauses/total/gc:seconds"}}}
	metrics.Read(m.samples)
	for _, s := range m.samples {
		var counts []uint64
		if s.Value.Kind() == metrics.KindFloat64Histogram {
			counts = append(counts, s.Value.Float64Histogram().Counts...)
		}
		m.before = append(m.before, counts)
	}
	return m
}

func (m *meter) stop() Cost {
	cost := Cost{Wall: time.Since(m.start)}
	metrics.Read(m.samples)
	for i, s := range m.samples {
		if s.Value.Kind() != metrics.KindFloat64Histogram {
			continue
		}
		h := s.Value.Float64Histogram()
		for j, n := range h.Counts {
			if j >= len(m.before[i]) || n <= m.before[i][j] {
				continue
			}
			n -= m.before[i][j]
			upper := bucketBound(h.Buckets, j)
			cost.Stops += n
			cost.Stopped += time.Duration(n) * upper
			cost.Longest = max(cost.Longest, upper)
		}
	}
	return cost
}

// bucketBound returns the upper bound of a bucket, the lower one of the last, which has no upper.
func bucketBound(bounds []float64, i int) time.Duration {
	b := bounds[i+1]
	if math.IsInf(b, 1) {
		b = bounds[i]
	}
	return time.Duration(b * float64(time.Second))
}
