package breaker

import (
	"time"

	"github.com/falsifiable/stability/signals"
)

// Dump is all that there is to know of a breaker, for debugging; it makes sense as JSON.
type Dump struct {
	State State
	Since time.Time
	// Reason says why the breaker opened last; empty if it never did.
	Reason string
	Config Config
	// Window holds the calls on which a closed breaker is judged.
	Window Counts
	// Ever holds all calls since the start, probes included.
	Ever Counts
	// Opened counts how often it opened, Rejected the calls rejected then; of those
	// between two readings 65,536 are counted at most.
	Opened, Rejected uint64
	// Probes of the present trial: let through, not yet back.
	ProbesAdmitted, ProbesPending int
	// ProbesLost counts those that never reported within the timeout.
	ProbesLost uint64
	// ChangesMissed counts the changes which OnChange was not told of, or on which it panicked.
	ChangesMissed uint64
}

// Counts of calls.
type Counts struct{ Calls, Failures, Slow uint64 }

// Dump returns the present state of everything.
func (b *Breaker) Dump() Dump {
	b.mu.Lock()
	defer b.mu.Unlock()
	return Dump{
		State: b.State(), Since: b.since, Reason: b.rejection.Load().Reason, Config: *b.settings.Load(),
		Window: b.window.sum().exported(), Ever: b.window.ever().exported(),
		Opened: b.opened, Rejected: b.countRejected(),
		ProbesAdmitted: b.trial.admitted, ProbesPending: len(b.trial.pending), ProbesLost: b.trial.lost,
		ChangesMissed: b.changes.lost(),
	}
}

func (c counts) exported() Counts { return Counts{c.calls, c.failures, c.slow} }

// Source returns a source of the signals of breakers, one instance of each per breaker, told apart by the label
// {breaker}. It allocates nothing.
func Source(breakers ...*Breaker) signals.Source {
	s := &source{}
	for _, b := range breakers {
		s.breakers = append(s.breakers, b)
		s.labels = append(s.labels, signals.NewLabels("breaker", b.settings.Load().Name))
	}
	return s
}

type source struct {
	breakers []*Breaker
	labels   []signals.Labels
}

func (s *source) Describe() []*signals.Signal { return signals.Group(signals.Breaker) }

func (s *source) Sample(dst *signals.Batch) {
	for i, b := range s.breakers {
		b.sample(dst, s.labels[i])
	}
}

func (b *Breaker) sample(dst *signals.Batch, labels signals.Labels) {
	b.mu.Lock()
	now, opened, rejected, critical := b.State(), b.opened, b.countRejected(), b.settings.Load().Critical
	b.mu.Unlock()
	ever, window := b.window.ever(), b.window.sum()
	dst.AddInstance(signals.Breaker.State, labels, float64(now))
	dst.AddInstance(signals.Breaker.CriticalOpen, labels, float64(count(critical && now != Closed)))
	dst.AddInstance(signals.Breaker.Calls, labels, float64(ever.calls))
	dst.AddInstance(signals.Breaker.Failures, labels, float64(ever.failures))
	dst.AddInstance(signals.Breaker.SlowCalls, labels, float64(ever.slow))
	dst.AddInstance(signals.Breaker.Rejected, labels, float64(rejected))
	dst.AddInstance(signals.Breaker.Opened, labels, float64(opened))
	if window.calls > 0 {
		dst.AddInstance(signals.Breaker.FailureRatio, labels, float64(window.failures)/float64(window.calls))
	}
}
