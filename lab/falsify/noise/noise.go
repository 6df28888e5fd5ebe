// Package noise measures how far a machine's clocks can be trusted while something is measured on it: by how much a goroutine that
// sleeps wakes too late, because other work, or the host of a virtual machine, keeps its processors.
package noise

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Noise is by how much a sleeper woke too late, in seconds.
type Noise struct {
	P99 float64
	Max float64
}

// tick is short against anything that is judged, and long against what a wake costs, which is about 10 µs.
const tick = 5 * time.Millisecond

// Meter measures until it is stopped. Safe for concurrent use.
type Meter struct {
	mu   sync.Mutex
	late *hdrhistogram.Histogram
	end  chan struct{}
	over chan struct{}
}

// Start begins to measure. Stop the meter: it has a goroutine.
func Start() *Meter {
	const most = int64(time.Minute / time.Microsecond)
	m := &Meter{late: hdrhistogram.New(1, most, 2), end: make(chan struct{}), over: make(chan struct{})}
	go m.run()
	return m
}

func (m *Meter) run() {
	defer close(m.over)
	timer := time.NewTimer(tick)
	defer timer.Stop()
	for {
		due := time.Now().Add(tick)
		timer.Reset(tick)
		select {
		case <-timer.C:
		case <-m.end:
			return
		}
		m.add(time.Since(due))
	}
}

func (m *Meter) add(late time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_ = m.late.RecordValue(max(late.Microseconds(), 1)) // an error is a delay beyond a minute, which ends more than this
}

// Read returns what was measured so far.
func (m *Meter) Read() Noise {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Noise{P99: float64(m.late.ValueAtQuantile(99)) / 1e6, Max: float64(m.late.Max()) / 1e6}
}

// Stop ends the measurement.
func (m *Meter) Stop() {
	close(m.end)
	<-m.over
}
