package stability

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

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
	complain func(reason any) // of the first panic: a source that panics once may do so in every tick
	told     bool             // belongs to the source's goroutine
}

type samplerState uint8

const (
	idle  samplerState = iota
	asked              // woken in this tick, not yet back
	late               // not back within the patience of an earlier tick
)

func (m *Monitor) newSampler(source signals.Source, ids map[*signals.Signal]signals.ID, release func()) *sampler {
	return &sampler{
		source: source, ids: ids, release: release, wake: make(chan struct{}, 1), done: make(chan struct{}, 1),
		complain: func(reason any) {
			m.log(slog.LevelWarn, "stability: a source failed; further failures are only counted", "source", nameOf(source), "reason", reason)
		},
	}
}

// nameOf names a source by its first signal, which is how people know it.
func nameOf(source signals.Source) string {
	for _, s := range source.Describe() {
		return s.Name()
	}
	return fmt.Sprintf("%T", source)
}

func (s *sampler) run() {
	dismissed := false
	defer func() {
		if !dismissed { // the source ended this goroutine by runtime.Goexit
			s.done <- struct{}{}
			go s.run()
		}
	}()
	for range s.wake {
		s.read()
		s.done <- struct{}{}
	}
	dismissed = true
	s.release()
}

func (s *sampler) read() {
	s.batch.Reset()
	returned := false
	defer func() {
		if !returned { // a panic or a Goexit
			reason := abnormal(recover())
			s.batch.Reset() // half a reading is none
			s.failures.Add(1)
			if !s.told {
				s.told = true
				s.complain(reason)
			}
		}
	}()
	s.source.Sample(&s.batch)
	returned = true
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
