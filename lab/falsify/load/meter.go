package load

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// meter counts answers. Histograms are in microseconds, up to ten minutes, to two digits. Safe for concurrent use.
type meter struct {
	pacer  *pacer
	header string        // see Config.StatusHeader
	due    atomic.Uint64 // requests that have begun

	mu                sync.Mutex
	corrected, actual *hdrhistogram.Histogram
	counts            Summary
	// course are latencies in the order of the answers, of every stride-th.
	course      []float64
	stride, nth int
}

// mostCourse bounds the course: when it is reached, every second latency is dropped.
const mostCourse = 4096

func newMeter(p *pacer, header string) *meter {
	const most = int64(10 * time.Minute / time.Microsecond)
	return &meter{
		pacer: p, header: header, corrected: hdrhistogram.New(1, most, 2), actual: hdrhistogram.New(1, most, 2),
		counts: Summary{Statuses: make(map[string]int)}, stride: 1,
	}
}

func (m *meter) add(r *vegeta.Result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts.Sent++
	if r.Code == 0 {
		m.counts.Error = r.Error
	} else {
		m.counts.Statuses[statusName(int(r.Code), r.Headers.Get(m.header))]++
		if r.Code < 500 {
			m.counts.Answered++
		}
	}
	fromPlan := r.Timestamp.Add(r.Latency).Sub(m.pacer.intended(r.Seq))
	// An error of RecordValue says that the value is beyond ten minutes; no request lives as long.
	_ = m.corrected.RecordValue(max(fromPlan.Microseconds(), 1))
	_ = m.actual.RecordValue(max(r.Latency.Microseconds(), 1))
	m.follow(fromPlan.Seconds())
}

func (m *meter) follow(latency float64) {
	if m.nth++; m.nth%m.stride != 0 {
		return
	}
	if len(m.course) == mostCourse {
		for i := range mostCourse / 2 {
			m.course[i] = m.course[2*i+1]
		}
		m.course = m.course[:mostCourse/2]
		m.stride *= 2
	}
	m.course = append(m.course, latency)
}

// statusName is a status with what a header says of it.
func statusName(code int, said string) string {
	return strings.TrimSpace(strconv.Itoa(code) + " " + said)
}

func (m *meter) summary() Summary {
	m.mu.Lock()
	defer m.mu.Unlock()
	seconds := func(h *hdrhistogram.Histogram, q float64) float64 { return float64(h.ValueAtQuantile(q)) / 1e6 }
	s := m.counts
	s.Statuses = maps.Clone(s.Statuses)
	s.P50, s.P99, s.Max = seconds(m.corrected, 50), seconds(m.corrected, 99), float64(m.corrected.Max())/1e6
	s.UncorrectedP99 = seconds(m.actual, 99)
	third := len(m.course) / 3
	s.Early, s.Late = median(m.course[:third]), median(m.course[len(m.course)-third:])
	s.Pending = max(int(m.due.Load())-s.Sent, 0)
	return s
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	values = slices.Sorted(slices.Values(values))
	return values[len(values)/2]
}
