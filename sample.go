package stability

import (
	"sync/atomic"
	"time"

	"github.com/falsifiable/stability/internal/guarded"
	"github.com/falsifiable/stability/signals"
)

// sampler reads one source on a goroutine of its own, because a source may run the service's code: a function
// that hangs on the very lock the contract watches must not take the monitor with it.
type sampler struct {
	source   signals.Source
	ids      map[*signals.Signal]signals.ID
	release  func() // gives the source free for another monitor
	batch    signals.Batch
	wake     chan struct{} // buffered; closed to end the goroutine
	done     chan struct{} // buffered
	state    samplerState  // belongs to the sampling goroutine
	failures atomic.Uint64
	read     func() error
	failed   func(error)
}

type samplerState uint8

const (
	idle  samplerState = iota
	asked              // woken in this tick, not yet back
	late               // not back within the patience of an earlier tick
)

func (m *Monitor) newSampler(source signals.Source, name string, ids map[*signals.Signal]signals.ID, release func()) *sampler {
	s := &sampler{source: source, ids: ids, release: release, wake: make(chan struct{}, 1), done: make(chan struct{}, 1)}
	told := false // a source that panics once may do so in every tick
	s.read = func() error { s.source.Sample(&s.batch); return nil }
	s.failed = func(err error) {
		s.batch.Reset() // half a reading is none
		s.failures.Add(1)
		if !told {
			told = true
			m.log.Warn("stability: a source failed; further failures are only counted", append([]any{"source", name}, reasons(err)...)...)
		}
	}
	return s
}

func (s *sampler) start() { guarded.Go(s.next) }

// next reads the source once, when asked to.
func (s *sampler) next() (more bool) {
	if _, more = <-s.wake; !more {
		s.release()
		return false
	}
	defer func() { s.done <- struct{}{} }() // also if the source ends this goroutine
	s.batch.Reset()
	guarded.Call(s.read, s.failed)
	return true
}

// patience is how long one tick waits for its sources, at least. It is paid once: a source that is late is left out
// of the following ticks until it comes back.
const patience = 500 * time.Millisecond

// sample reads all sources and appends what came back in time: whoever is not back then does not hold up the others, nor
// cost them their readings. The timer is the caller's, reused by every tick.
func sample(dst []signals.Sample, samplers []*sampler, now time.Duration, timer *time.Timer, wait time.Duration) []signals.Sample {
	for _, s := range samplers {
		s.ask()
	}
	timer.Reset(max(wait, patience))
	defer timer.Stop()
	expired := false
	for _, s := range samplers {
		if s.state != asked {
			continue
		}
		if !expired {
			select {
			case <-s.done:
				dst = s.take(dst, now)
				continue
			case <-timer.C:
				expired = true
			}
		}
		select {
		case <-s.done:
			dst = s.take(dst, now)
		default:
			s.state = late
			s.failures.Add(1)
		}
	}
	return dst
}

func (s *sampler) take(dst []signals.Sample, now time.Duration) []signals.Sample {
	s.state = idle
	s.failures.Add(uint64(s.batch.Refused()))
	for _, r := range s.batch.Readings() {
		if id, ok := s.ids[r.Signal]; ok { // one that the source has not declared is no reading
			dst = append(dst, signals.Sample{ID: id, Labels: r.Labels, At: now, Value: r.Value})
		}
	}
	return dst
}

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
