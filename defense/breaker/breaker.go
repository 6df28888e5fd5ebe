// Package breaker stops calling a dependency that is failing anyway, and tries now and then whether it is back
// (docs/guide/whitepaper.md §1, §3.2).
//
//	risk, err := breaker.New(breaker.Config{Name: "risk", FailureThreshold: 0.8, MinimumRequests: 20, Timeout: 5 * time.Second})
//	…
//	err = risk.Do(ctx, func(ctx context.Context) error { return client.Check(ctx, order) })
//	if errors.Is(err, breaker.ErrOpen) { … } // nothing was sent
//
// Closed, it counts calls and failures over a rolling window and opens when the share of failed, or of slow, calls
// reaches a threshold and there were enough of them to mean anything. Open, it rejects at once. After the timeout
// it is half-open: a few probes may pass; enough successes among them close it, too many failures open it again.
//
// Three things are done differently than elsewhere, because each has caused outages:
//
//   - A call that ended because its caller's own context did says nothing about the dependency and is not counted. If
//     it took long, it counts as slow ([Config.SlowCall]).
//   - A probe that never reports, because it panicked, called runtime.Goexit or hangs, counts as failed after the
//     timeout. The breaker therefore tries again within twice the timeout, whatever becomes of a probe.
//   - The callback runs outside every lock and may ask the breaker anything.
package breaker

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/falsifiable/stability/internal/mailbox"
)

// Breaker guards one dependency. Make it with [New]. Safe for concurrent use. It has no goroutine while nothing
// happens, and needs no closing.
type Breaker struct {
	word      atomic.Uint64 // generation<<2 | State: what a call must know before it goes
	settings  atomic.Pointer[Config]
	rejection atomic.Pointer[OpenError] // of the present opening, made beforehand
	epoch     time.Time                 // never changes

	_        [64]byte      // calls write to what follows, and must not disturb the readers of what is above
	rejected atomic.Uint64 // since the last reading
	window   window

	mu      sync.Mutex  // guards what follows and every change of word
	timer   *time.Timer // of the open state
	since   time.Time   // of the present state
	opened  uint64      // times
	trial   trial
	changes changes

	rejectedBefore uint64 // the last reading
}

// New returns a closed breaker, or the error of [Config.Validate].
func New(config Config) (*Breaker, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	c := config.withDefaults()
	b := &Breaker{since: time.Now()}
	b.epoch = b.since.Add(-1) // so that no call starts at 0, which means untimed
	b.settings.Store(&c)
	b.rejection.Store(&OpenError{Name: c.Name, Critical: c.Critical})
	b.window.width.Store(int64(c.Window / bucketCount))
	b.changes.tell, b.changes.waiting = c.OnChange, mailbox.New[Change](maxChanges)
	return b, nil
}

// Outcome is what became of a call.
type Outcome uint8

const (
	// Success means that the dependency answered. It is the zero Outcome.
	Success Outcome = iota
	// Failure means that it did not, or not as it should.
	Failure
	// Ignored means that the call says nothing about the dependency: its caller gave up, or it was never made.
	Ignored
)

// Permit allows one call; report its outcome with Done, exactly once. The zero Permit belongs to no breaker.
type Permit struct {
	breaker *Breaker
	word    uint64        // of the breaker when it gave the permit
	probe   uint32        // number of the probe, when half-open
	start   time.Duration // since the breaker's epoch, if calls are timed
}

// Acquire asks for leave to make one call: the first of the two steps that [Breaker.Do] makes of one, for use in
// interceptors. The error is an [*OpenError].
func (b *Breaker) Acquire() (Permit, error) {
	word := b.word.Load()
	switch State(word & stateMask) {
	case Closed:
		return Permit{breaker: b, word: word, start: b.now()}, nil
	case Open:
		return Permit{}, b.reject()
	default:
		return b.acquireProbe()
	}
}

// now reads the clock if calls are timed.
func (b *Breaker) now() time.Duration {
	if b.settings.Load().SlowCall == 0 {
		return 0
	}
	return time.Since(b.epoch)
}

// Done reports the outcome of the call. It matters to the state only if the breaker is still in the one which gave the
// permit.
func (p Permit) Done(outcome Outcome) {
	b := p.breaker
	if b == nil {
		return
	}
	slow := b.slow(p)
	if State(p.word&stateMask) == HalfOpen {
		b.settle(p, outcome, slow)
		return
	}
	if outcome == Ignored && !slow {
		return
	}
	failed := outcome == Failure
	if b.word.Load() != p.word {
		b.window.countOutside(failed, slow)
		return
	}
	b.window.add(failed, slow)
	if failed || slow {
		b.judge(p.word)
	}
}

// slow reports whether a call that ends now was slow. A permit without a start was given before calls were timed.
func (b *Breaker) slow(p Permit) bool {
	limit := b.settings.Load().SlowCall
	return limit > 0 && p.start > 0 && time.Since(b.epoch)-p.start >= limit
}

// Do makes a call unless the breaker is open, and judges the dependency by its error: nil is a success, else what
// [Config.IsFailure] says; a call whose ctx has ended is ignored. A panic or runtime.Goexit in call is a failure and goes
// on its way. The error is call's own, or an [*OpenError] if there was no call.
func (b *Breaker) Do(ctx context.Context, call func(context.Context) error) error {
	permit, err := b.Acquire()
	if err != nil {
		return err
	}
	outcome := Failure // unless call returns
	defer func() { permit.Done(outcome) }()
	err = call(ctx)
	outcome = b.Judge(ctx, err)
	return err
}

// Execute is [Breaker.Do] for a call with a result.
func Execute[T any](ctx context.Context, b *Breaker, call func(context.Context) (T, error)) (result T, err error) {
	permit, err := b.Acquire()
	if err != nil {
		return result, err
	}
	outcome := Failure // unless call returns
	defer func() { permit.Done(outcome) }()
	result, err = call(ctx)
	outcome = b.Judge(ctx, err)
	return result, err
}

// Judge returns the outcome of a call that was made under ctx and returned err. Ctx must be the caller's own: a deadline
// which was set for the sake of this call alone is a patience that the dependency has exhausted.
func (b *Breaker) Judge(ctx context.Context, err error) Outcome {
	switch {
	case err == nil:
		return Success
	case ctx.Err() != nil:
		return Ignored
	case b.settings.Load().IsFailure(err):
		return Failure
	default:
		return Success
	}
}
