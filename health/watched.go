package health

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// confirm is how many checks in a row must fail before a component that was healthy counts as failing in readiness: one
	// lost packet takes nobody out.
	confirm = 2
	// hold is how long a local component must have been healthy before it may be ready again. So nothing flaps faster.
	hold = 10 * time.Second
)

// watched is a component and what is known of it.
type watched struct {
	Component
	all    *Components
	jitter func() float64
	before []*watched    // of lower stages
	excuse *watched      // nil for none
	kick   chan struct{} // asks for a check at once
	passed chan struct{} // closed at the first success

	mu       sync.Mutex
	running  bool
	since    time.Time // when the check began that runs now, or when waiting for the next began
	checked  bool      // at least once to the end
	at       time.Time // when the last check ended
	took     time.Duration
	err      error
	failures int       // in a row
	failing  time.Time // when the first of them began
	mended   time.Time // when it was last healthy again after a failure or a hang; zero for never
	lastBad  time.Time // when it was last known to be out on its own account; zero for never
	once     bool      // has been healthy
	stopped  bool
}

// link finds the components that this one refers to.
func (w *watched) link() error {
	for _, other := range w.all.list {
		if w.Role.gates() && other.Role.gates() && other.Stage < w.Stage {
			w.before = append(w.before, other)
		}
	}
	if w.Excuse == "" {
		return nil
	}
	if w.Role != Local {
		return errors.New("only a Local component can have an Excuse")
	}
	if w.excuse = w.all.find(w.Excuse); w.excuse == nil || w.excuse.Role != Needed {
		return fmt.Errorf("its Excuse %q is not a Needed component", w.Excuse)
	}
	return nil
}

func (w *watched) run(ctx context.Context) {
	defer w.stop()
	for _, other := range w.before {
		select {
		case <-other.passed:
		case <-ctx.Done():
			return
		}
	}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		start := w.begin()
		err := w.call(ctx)
		if ctx.Err() != nil {
			return // the result is that of the end, not of the component
		}
		w.end(start, err)
		timer.Reset(w.pause())
		select {
		case <-timer.C:
		case <-w.kick:
		case <-ctx.Done():
			return
		}
	}
}

func (w *watched) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running, w.stopped = false, true
}

func (w *watched) call(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, w.Timeout)
	defer cancel()
	defer time.AfterFunc(w.Timeout, w.askExcuse).Stop() // a check that hangs says nothing; somebody must ask for it
	return <-launch(ctx, w.Name, w.Check)
}

// askExcuse has the component checked at once that could explain a failure of this one.
func (w *watched) askExcuse() {
	if w.excuse == nil {
		return
	}
	select {
	case w.excuse.kick <- struct{}{}:
	default: // asked already
	}
}

func (w *watched) begin() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running, w.since = true, time.Now()
	return w.since
}

func (w *watched) end(start time.Time, err error) {
	now := time.Now()
	w.mu.Lock()
	w.noteBad(now)
	if err == nil && (w.failures > 0 || w.overdue(now) || now.Sub(start) > w.Timeout) {
		w.mended = now
	}
	w.running, w.since = false, now
	w.checked, w.at, w.took, w.err = true, now, now.Sub(start), err
	first := false
	if err != nil {
		if w.failures > 0 && w.explained(w.failing, start) {
			w.failures = 0 // what failed before is no trouble of its own; this may be
		}
		if w.failures++; w.failures == 1 {
			w.failing, first = start, true
		}
	} else {
		w.failures = 0
		if !w.once {
			w.once = true
			close(w.passed)
		}
	}
	w.noteBad(now)
	w.mu.Unlock()
	if first {
		w.askExcuse()
	}
	if err == nil && !w.all.Started() {
		w.all.noteStart()
	}
}

// noteBad notes that the component is out, unless that is explained: a fleet that has lost something for a while must not be held out
// together when it is back.
func (w *watched) noteBad(now time.Time) {
	bad, failing := w.trouble(now)
	if !w.once || !bad {
		return
	}
	if w.excuse != nil {
		if ready, _ := w.excuse.excuses(now, failing, w.MaxAge); ready {
			return
		}
	}
	w.lastBad = now
}

// explained tells whether the excuse has been mended since a failure that began then, and before another that began later.
func (w *watched) explained(failing, later time.Time) bool {
	if w.excuse == nil {
		return false
	}
	w.excuse.mu.Lock()
	defer w.excuse.mu.Unlock()
	return failing.Before(w.excuse.mended) && !later.Before(w.excuse.mended)
}

// pause is how long to wait before the next check. Instances that were started together must not ask together
// for ever: until the first success, when a dependency may be down for all of them, the pauses are scattered.
func (w *watched) pause() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case !w.once:
		return time.Duration((1 + w.jitter()) / 2 * float64(min(w.Interval, time.Second)))
	case w.failures > 0 && w.failures < confirm:
		return min(w.Interval, time.Second/2)
	}
	return w.Interval
}

func (w *watched) healthyOnce() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.once
}

// overdue tells whether what is known is too old to be used.
func (w *watched) overdue(now time.Time) bool {
	if w.stopped {
		return true
	}
	if !w.checked { // it counts from the beginning of the first check, before which it waits for others
		return w.running && now.Sub(w.since) > w.MaxAge-w.Interval
	}
	return now.Sub(w.at) > w.MaxAge
}

// bad tells whether the component, once healthy, is to be called failing.
func (w *watched) bad(now time.Time) bool { return w.failures >= confirm || w.overdue(now) }

// trouble tells whether the component is bad, and since when it fails or hangs.
func (w *watched) trouble(now time.Time) (bad bool, since time.Time) {
	bad, since = w.bad(now), w.failing
	if bad && w.failures < confirm {
		since = now.Add(-w.MaxAge) // a check that hangs: anything that was learned since it began will do
		if w.running {
			since = w.since
		}
	}
	return bad, since
}

// status is what can be said of the component now.
func (w *watched) status() ComponentStatus {
	now := time.Now()
	w.mu.Lock()
	s := ComponentStatus{Name: w.Name, Role: w.Role, Stage: w.Stage, State: Unchecked, Ready: w.once}
	if w.checked {
		s.State = Healthy
		age := seconds(now.Sub(w.at))
		s.Age, s.Took = &age, seconds(w.took)
	}
	if w.err != nil {
		s.State, s.Error = Failing, w.err.Error()
	}
	s.Overdue = w.overdue(now)
	switch {
	case w.stopped:
		s.State, s.Error = Failing, "it is no longer checked"
	case s.Overdue && w.running:
		s.State = Failing
		s.Error = fmt.Sprintf("the check began %v ago and does not return", now.Sub(w.since).Round(time.Second))
	case s.Overdue:
		s.State, s.Error = Failing, "the check is not run any more"
	}
	bad, failing := w.trouble(now)
	held := !w.lastBad.IsZero() && now.Sub(w.lastBad) < hold
	if w.Role == Local {
		s.Ready = w.once && !bad && !held
	}
	if s.State == Healthy && held && w.Role == Local {
		s.Error = fmt.Sprintf("healthy again; ready after %v without a failure", hold)
	}
	stopped := w.stopped
	w.mu.Unlock()
	if w.excuse != nil && w.once && !s.Ready && !stopped {
		s.Ready, s.Excused = w.excuse.excuses(now, failing, w.MaxAge)
	}
	return s
}

// excuses tells whether a failure of another component that began then is explained by this one, and whether it is known
// yet: until this one has been checked since, nobody leaves on account of it. When this one is mended, the other has that long to show
// that it is too.
func (w *watched) excuses(now, failing time.Time, grace time.Duration) (ready, excused bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fails := w.failures > 0 || w.overdue(now) || w.running && now.Sub(w.since) > w.Timeout
	known := w.checked && !w.at.Add(-w.took).Before(failing)
	justMended := failing.Before(w.mended) && now.Sub(w.mended) <= grace
	return fails || justMended || !known, fails || justMended
}
