// Package defense composes the defenses of one dependency: a breaker, a bulkhead and a deadline around each call, put
// together once and not per call.
//
//	risk, err := defense.New(defense.Config{Name: "risk", Timeout: 2 * time.Second,
//		Breaker:  breaker.Config{FailureThreshold: 0.8, MinimumRequests: 20, Timeout: 5 * time.Second},
//		Bulkhead: bulkhead.Config{Limit: 32, MaxWait: 100 * time.Millisecond}})
//	client := &http.Client{Transport: risk.Transport(nil)}             // each call of an HTTP client
//	err = risk.Do(ctx, func(ctx context.Context) error { … })          // or of anything else
//
// The parts are usable alone: packages breaker, bulkhead, deadline and retry. Retries go around a guard, never inside:
// a budget's Do that calls the guard's.
package defense

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/falsifiable/stability/defense/breaker"
	"github.com/falsifiable/stability/defense/bulkhead"
	"github.com/falsifiable/stability/defense/deadline"
	"github.com/falsifiable/stability/signals"
)

// Guard is the defenses of one dependency. Make it with [New]. Safe for concurrent use; it has no goroutine while nothing
// happens, and needs no closing.
type Guard struct {
	name     string
	breaker  *breaker.Breaker
	bulkhead *bulkhead.Bulkhead
	limits   atomic.Pointer[limits]
}

type limits struct{ timeout, reserve time.Duration }

// New returns a guard, or the error of [Config.Validate].
func New(config Config) (*Guard, error) {
	c, err := config.checked()
	if err != nil {
		return nil, err
	}
	g := &Guard{name: c.Name}
	g.limits.Store(&limits{c.Timeout, c.Reserve})
	if g.breaker, err = breaker.New(c.Breaker); err != nil {
		return nil, err
	}
	if g.bulkhead, err = bulkhead.New(c.Bulkhead); err != nil {
		return nil, err
	}
	return g, nil
}

// Breaker returns the guard's breaker, to look at.
func (g *Guard) Breaker() *breaker.Breaker { return g.breaker }

// Bulkhead returns the guard's bulkhead, to look at.
func (g *Guard) Bulkhead() *bulkhead.Bulkhead { return g.bulkhead }

// Sources returns the sources of the signals of guards, to attach to a monitor.
func Sources(guards ...*Guard) []signals.Source {
	var breakers []*breaker.Breaker
	var bulkheads []*bulkhead.Bulkhead
	for _, g := range guards {
		breakers, bulkheads = append(breakers, g.breaker), append(bulkheads, g.bulkhead)
	}
	return []signals.Source{breaker.Source(breakers...), bulkhead.Source(bulkheads...)}
}

// Permit allows one call; report its outcome with Done, exactly once.
type Permit struct {
	guard  *Guard
	pass   breaker.Permit
	place  bulkhead.Permit
	judged context.Context    // whose end excuses the dependency
	cancel context.CancelFunc // of a context of the guard's own, else nil
}

// Acquire asks for leave to make one call under the context that it returns: the first of the two steps that [Guard.Do] makes
// of one, for use in interceptors. It waits for a place in the bulkhead if it must. The error is a
// [*breaker.OpenError], a [*bulkhead.FullError], [deadline.ErrExhausted], or says that ctx ended; nothing was sent.
func (g *Guard) Acquire(ctx context.Context) (context.Context, Permit, error) {
	if g.breaker.State() == breaker.Open { // do not queue for a rejection
		pass, err := g.breaker.Acquire()
		if err != nil {
			return ctx, Permit{}, err
		}
		pass.Done(breaker.Ignored) // it has just become half-open
	}
	p := Permit{guard: g, judged: ctx}
	var err error
	if p.place, err = g.bulkhead.Acquire(ctx); err != nil {
		return ctx, Permit{}, err
	}
	// Only now, because the time in our own queue is not the dependency's.
	if p.pass, err = g.breaker.Acquire(); err != nil {
		p.place.ReleaseFailed()
		return ctx, Permit{}, err
	}
	inner, err := p.bound(ctx)
	if err != nil {
		p.finish(breaker.Ignored, true)
		return ctx, Permit{}, err
	}
	return inner, p, nil
}

// bound returns the context for the call. It is ctx itself whenever that ends soon enough: making another costs more
// than all the rest of a guard.
func (p *Permit) bound(ctx context.Context) (context.Context, error) {
	l := p.guard.limits.Load()
	end, ok := ctx.Deadline()
	var left time.Duration
	if ok && (l.timeout > 0 || l.reserve > 0) {
		left = time.Until(end) - l.reserve
	}
	if l.timeout > 0 && (!ok || l.timeout < left) {
		// This patience is ours, not the caller's: the dependency has to answer for its end.
		ctx, p.cancel = context.WithTimeout(ctx, l.timeout)
		return ctx, nil
	}
	if !ok || l.reserve == 0 {
		return ctx, nil
	}
	ctx, cancel, err := deadline.Shorten(ctx, l.reserve)
	p.judged, p.cancel = ctx, cancel
	return ctx, err
}

// Done reports the call's error. The dependency is not judged by the end of the caller's own context, nor by a call
// that a deadline kept from being sent.
func (p Permit) Done(err error) {
	if p.guard != nil {
		p.finish(p.judge(err), err != nil)
	}
}

func (p *Permit) judge(err error) breaker.Outcome {
	if err != nil && errors.Is(err, deadline.ErrExhausted) {
		return breaker.Ignored
	}
	return p.guard.breaker.Judge(p.judged, err)
}

func (p *Permit) finish(outcome breaker.Outcome, failed bool) {
	p.pass.Done(outcome)
	p.leave(failed)
}

// leave gives back everything but the breaker's permit.
func (p *Permit) leave(failed bool) {
	if failed {
		p.place.ReleaseFailed()
	} else {
		p.place.Release()
	}
	if p.cancel != nil {
		p.cancel()
	}
}

// Do makes a call if the breaker is not open and the bulkhead has a place, under a context that ends after [Config.Timeout]
// at the latest. The error is call's, or that of [Guard.Acquire] if there was no call. A panic or runtime.Goexit in call is
// the dependency's failure and goes on its way.
func (g *Guard) Do(ctx context.Context, call func(context.Context) error) (err error) {
	ctx, permit, err := g.Acquire(ctx)
	if err != nil {
		return err
	}
	returned := false
	defer func() { permit.done(err, returned) }()
	err = call(ctx)
	returned = true
	return err
}

// Execute is [Guard.Do] for a call with a result.
func Execute[T any](ctx context.Context, g *Guard, call func(context.Context) (T, error)) (result T, err error) {
	ctx, permit, err := g.Acquire(ctx)
	if err != nil {
		return result, err
	}
	returned := false
	defer func() { permit.done(err, returned) }()
	result, err = call(ctx)
	returned = true
	return result, err
}

func (p *Permit) done(err error, returned bool) {
	if returned {
		p.Done(err)
	} else {
		p.finish(breaker.Failure, true)
	}
}

// Reconfigure puts other figures into force, in all parts or, on an error, in none. Names and functions stay.
func (g *Guard) Reconfigure(config Config) error {
	config.Name = g.name
	c, err := config.checked()
	if err != nil {
		return err
	}
	if err := errors.Join(g.breaker.Reconfigure(c.Breaker), g.bulkhead.Reconfigure(c.Bulkhead)); err != nil {
		return fmt.Errorf("defense: reconfiguring %s: %w", g.name, err) // cannot be: they have been checked
	}
	g.limits.Store(&limits{c.Timeout, c.Reserve})
	return nil
}
