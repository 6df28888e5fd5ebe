package breaker

import (
	"fmt"
	"time"
)

// State is what a breaker does with calls.
type State uint8

const (
	// Closed lets every call pass. It is the zero State.
	Closed State = iota
	// HalfOpen lets a few probes pass.
	HalfOpen
	// Open rejects every call.
	Open

	stateMask = 3
	stateBits = 2
)

// String returns "closed", "half-open" or "open".
func (s State) String() string { return [...]string{"closed", "half-open", "open", "?"}[s&stateMask] }

// MarshalText returns the state's String.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// maxProbes bounds what a half-open breaker keeps in mind.
const maxProbes = 1000

// trial is what is known of the probes of one half-open state.
type trial struct {
	admitted, succeeded, failed int
	lost                        uint64 // probes that never reported, since the start
	last                        uint32 // number of the last probe, never reused
	pending                     map[uint32]*time.Timer
}

// State returns the present state.
func (b *Breaker) State() State { return State(b.word.Load() & stateMask) }

// judge opens the breaker if the window says so. word is that of the call after which it is asked.
func (b *Breaker) judge(word uint64) {
	c := b.settings.Load()
	n := b.window.sum()
	if n.calls < uint64(c.MinimumRequests) {
		return
	}
	failures, slow := float64(n.failures)/float64(n.calls), float64(n.slow)/float64(n.calls)
	if failures < c.FailureThreshold && (c.SlowCall == 0 || slow < c.SlowCallThreshold) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.word.Load() != word {
		return // somebody else has opened it
	}
	reason := fmt.Sprintf("%d of %d calls in %v failed", n.failures, n.calls, c.Window)
	if failures < c.FailureThreshold {
		reason = fmt.Sprintf("%d of %d calls in %v took %v or longer", n.slow, n.calls, c.Window, c.SlowCall)
	}
	b.open(reason)
}

// change enters a state. The caller holds mu.
func (b *Breaker) change(to State, reason string) (word uint64) {
	old := b.word.Load()
	word = (old>>stateBits+1)<<stateBits | uint64(to)
	b.since = time.Now()
	for id, timer := range b.trial.pending {
		timer.Stop()
		delete(b.trial.pending, id)
	}
	b.trial.admitted, b.trial.succeeded, b.trial.failed = 0, 0, 0
	b.window.empty()
	b.word.Store(word)
	c := b.settings.Load()
	b.changes.add(Change{Name: c.Name, Critical: c.Critical, From: State(old & stateMask), To: to, At: b.since, Reason: reason})
	return word
}

// open rejects calls from now on, for the timeout. The caller holds mu.
func (b *Breaker) open(reason string) {
	c := b.settings.Load()
	b.opened++
	b.rejection.Store(&OpenError{Name: c.Name, Critical: c.Critical, Until: time.Now().Add(c.Timeout), Reason: reason})
	word := b.change(Open, reason)
	b.timer = time.AfterFunc(c.Timeout, func() { b.try(word) })
}

// try ends the open state that word is of.
func (b *Breaker) try(word uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.word.Load() == word {
		b.change(HalfOpen, "the timeout has passed")
	}
}

// acquireProbe decides about a call while the breaker is, or has just been, half-open.
func (b *Breaker) acquireProbe() (Permit, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	word, c := b.word.Load(), b.settings.Load()
	switch State(word & stateMask) {
	case Closed:
		return Permit{breaker: b, word: word, start: b.now()}, nil
	case Open:
		return Permit{}, b.reject()
	}
	t := &b.trial
	if t.admitted >= c.Probes {
		return Permit{}, b.reject()
	}
	t.admitted++
	t.last++
	permit := Permit{breaker: b, word: word, probe: t.last, start: b.now()}
	if t.pending == nil {
		t.pending = make(map[uint32]*time.Timer)
	}
	t.pending[permit.probe] = time.AfterFunc(c.Timeout, func() { b.lose(permit) })
	return permit, nil
}

// lose gives up on a probe (docs/guide/hazards.md, 9: a probe that hangs must not keep the breaker half-open).
func (b *Breaker) lose(p Permit) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.forget(p) {
		return
	}
	b.trial.lost++
	b.trial.failed++
	b.conclude("a probe has not come back within the timeout")
}

// settle takes the outcome of a probe. A slow one is a failed one.
func (b *Breaker) settle(p Permit, outcome Outcome, slow bool) {
	if outcome != Ignored || slow {
		b.window.countOutside(outcome == Failure, slow)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.forget(p) {
		return // given up, or of an earlier trial
	}
	reason := "too many probes failed"
	switch {
	case slow:
		b.trial.failed++
		reason = "too many probes were slow"
	case outcome == Failure:
		b.trial.failed++
	case outcome == Success:
		b.trial.succeeded++
	default:
		b.trial.admitted-- // somebody else may try
	}
	b.conclude(reason)
}

// forget strikes a probe off the pending ones and reports whether it was one. The caller holds mu.
func (b *Breaker) forget(p Permit) bool {
	timer, ok := b.trial.pending[p.probe]
	if ok {
		timer.Stop()
		delete(b.trial.pending, p.probe)
	}
	return ok
}

// conclude ends the trial if its result is certain. The caller holds mu.
func (b *Breaker) conclude(failure string) {
	c := b.settings.Load()
	switch {
	case b.trial.succeeded >= c.ProbeSuccesses:
		b.change(Closed, fmt.Sprintf("%d of %d probes succeeded", b.trial.succeeded, c.Probes))
	case b.trial.failed > c.Probes-c.ProbeSuccesses:
		b.open(failure)
	}
}

// Reconfigure puts other thresholds and times into force, whatever the state is: an open breaker waits for the new
// timeout, counted from its opening; a half-open one begins its trial anew. Name, IsFailure and OnChange
// stay. On an error, that of [Config.Validate], everything stays.
func (b *Breaker) Reconfigure(config Config) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.settings.Load()
	config.Name = old.Name
	if err := config.Validate(); err != nil {
		return err
	}
	c := config.withDefaults()
	c.IsFailure, c.OnChange = old.IsFailure, old.OnChange
	b.settings.Store(&c)
	b.window.width.Store(int64(c.Window / bucketCount))
	switch State(b.word.Load() & stateMask) {
	case Open:
		rejection := *b.rejection.Load()
		rejection.Critical, rejection.Until = c.Critical, b.since.Add(c.Timeout)
		b.rejection.Store(&rejection)
		word := b.word.Load()
		b.timer.Stop()
		b.timer = time.AfterFunc(time.Until(rejection.Until), func() { b.try(word) })
	case HalfOpen:
		b.change(HalfOpen, "the configuration was changed")
	}
	return nil
}
