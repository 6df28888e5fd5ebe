package stability

import (
	"sync/atomic"
	"time"

	"github.com/falsifiable/stability/signal"
)

// sampler reads one source on a goroutine of its own, because a source may run the service's code: a function
// that hangs on the very lock the contract watches must not take the monitor with it.
type sampler struct {
	source   signal.Source
	ids      []signal.ID
	batch    signal.Batch
	wake     chan struct{} // buffered; closed to end the goroutine
	done     chan struct{} // buffered
	state    samplerState  // belongs to the sampling goroutine
	failures atomic.Uint64
}

type samplerState uint8

const (
	idle  samplerState = iota
	asked              // woken in this tick, not yet back
	late               // not back within the patience of an earlier tick
)

func newSampler(source signal.Source, ids []signal.ID) *sampler {
	return &sampler{source: source, ids: ids, wake: make(chan struct{}, 1), done: make(chan struct{}, 1)}
}

func (s *sampler) run() {
	for range s.wake {
		s.read()
		s.done <- struct{}{}
	}
}

func (s *sampler) read() {
	s.batch.Reset()
	defer func() {
		if recover() != nil {
			s.batch.Reset() // half a reading is none
			s.failures.Add(1)
		}
	}()
	s.source.Sample(&s.batch)
}

// patience is how long one tick waits for its sources, at least. It is paid once: a source that is late is left out
// of the following ticks until it comes back.
const patience = 500 * time.Millisecond

// sample reads all sources and appends what came back in time. The timer is the caller's, reused by every tick.
func sample(dst []signal.Sample, samplers []*sampler, now time.Duration, timer *time.Timer, wait time.Duration) []signal.Sample {
	for _, s := range samplers {
		s.ask()
	}
	timer.Reset(max(wait, patience))
	defer timer.Stop()
	var expired <-chan time.Time = timer.C
	for _, s := range samplers {
		if s.state != asked {
			continue
		}
		select {
		case <-s.done:
			s.state = idle
			dst = s.batch.AppendTo(dst, s.ids, now)
		case <-expired:
			expired = closed // whoever is not back by now does not hold up the others
			s.state = late
			s.failures.Add(1)
		}
	}
	return dst
}

// closed is a timer channel that has always fired.
var closed = func() chan time.Time {
	c := make(chan time.Time)
	close(c)
	return c
}()

// ask wakes the source's goroutine, unless it is still at an earlier reading.
func (s *sampler) ask() {
	if s.state == late {
		select {
		case <-s.done: // what it read by now is too old to count
			s.state = idle
		default:
			s.failures.Add(1)
			return
		}
	}
	s.state = asked
	s.wake <- struct{}{}
}
