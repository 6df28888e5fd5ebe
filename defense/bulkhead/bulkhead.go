// Package bulkhead bounds how many calls to one dependency are under way at once, and how long and how many callers may
// wait for their turn (docs/guide/whitepaper.md §1), so that a slow dependency floods its own compartment and not the service.
//
//	ledger, err := bulkhead.New(bulkhead.Config{Name: "ledger", Limit: 32, MaxWait: 100 * time.Millisecond})
//	…
//	err = ledger.Do(ctx, func(ctx context.Context) error { return post(ctx, entry) })
//	if errors.Is(err, bulkhead.ErrFull) { … } // nothing was sent
//
// The queue is first come, first served: nobody overtakes a waiting caller. With [Config.Adaptive] the number of places
// follows what the dependency can use: when it slows down, fewer calls are tried, and if it then does as much as before, it
// was congested and the cut stays; if it does less, it was merely slow and the cut is taken back.
package bulkhead

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/falsifiable/stability/internal/adaptive"
)

// ErrFull is what every rejection is: all places are taken, and so is the queue, or the wait was too long. Nothing
// was sent.
var ErrFull = errors.New("bulkhead: full")

// FullError is the rejection of a call.
type FullError struct{ Name string }

func (e *FullError) Error() string { return "bulkhead: calling " + e.Name + ": full" }

// Is makes every rejection an [ErrFull].
func (e *FullError) Is(target error) bool { return target == ErrFull }

// Retryable is false: trying again would add to the crowd. Package retry asks.
func (e *FullError) Retryable() bool { return false }

// Bulkhead guards one dependency. Make it with [New]. Safe for concurrent use; it has no goroutine and needs no closing.
type Bulkhead struct {
	state    atomic.Uint64 // waiting<<32 | in use
	limit    atomic.Int64  // places
	settings atomic.Pointer[Config]
	adaptive *adaptive.Limiter // nil unless it is
	full     *FullError
	epoch    time.Time

	rejected, waited atomic.Uint64
	waitTime         atomic.Int64 // of those who have left the queue, nanoseconds

	mu    sync.Mutex
	queue list.List // of *waiter; as long as state says
}

// waiter is a caller in the queue.
type waiter struct {
	since   time.Time
	ready   chan struct{}
	granted bool // under mu
}

// New returns an empty bulkhead, or the error of [Config.Validate].
func New(config Config) (*Bulkhead, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	c := config.withDefaults()
	b := &Bulkhead{full: &FullError{c.Name}, epoch: time.Now()}
	b.settings.Store(&c)
	b.limit.Store(int64(c.Limit))
	if c.Adaptive {
		b.adaptive = adaptive.New(c.MinLimit, c.Limit)
		b.limit.Store(int64(c.MinLimit))
	}
	return b, nil
}

// Permit is one place in a bulkhead; give it back with [Permit.Release] or [Permit.ReleaseFailed], exactly once. The zero
// Permit belongs to no bulkhead.
type Permit struct {
	bulkhead *Bulkhead
	start    time.Duration // since the bulkhead's epoch, if the call is timed; else 0
}

// TryAcquire takes a place if one is free and nobody is waiting for it.
func (b *Bulkhead) TryAcquire() (Permit, bool) {
	if b.take() {
		return Permit{b, b.now()}, true
	}
	b.rejected.Add(1)
	return Permit{}, false
}

func (b *Bulkhead) take() bool {
	for {
		s := b.state.Load()
		if s>>32 != 0 || int64(uint32(s)) >= b.limit.Load() {
			return false
		}
		if b.state.CompareAndSwap(s, s+1) {
			return true
		}
	}
}

// now reads the clock if the call is to be timed.
func (b *Bulkhead) now() time.Duration {
	if b.adaptive == nil || !b.adaptive.Measure() {
		return 0
	}
	return max(time.Since(b.epoch), 1)
}

// Acquire takes a place and waits for one if it must, up to [Config.MaxWait] or until ctx ends. The error is a
// [*FullError], or says that ctx ended.
func (b *Bulkhead) Acquire(ctx context.Context) (Permit, error) {
	if ctx.Err() != nil {
		return Permit{}, b.ended(ctx)
	}
	if b.take() {
		return Permit{b, b.now()}, nil
	}
	c := b.settings.Load()
	if c.MaxWait <= 0 {
		b.rejected.Add(1)
		return Permit{}, b.full
	}
	return b.wait(ctx, c)
}

func (b *Bulkhead) ended(ctx context.Context) error {
	return fmt.Errorf("bulkhead: waiting for %s: %w", b.full.Name, ctx.Err())
}

// wait queues for a place.
func (b *Bulkhead) wait(ctx context.Context, c *Config) (Permit, error) {
	place := b.enqueue(c.MaxQueue)
	if place == nil {
		b.rejected.Add(1)
		return Permit{}, b.full
	}
	w := place.Value.(*waiter)
	b.waited.Add(1)
	defer func() { b.waitTime.Add(int64(time.Since(w.since))) }()
	timer := time.NewTimer(c.MaxWait)
	defer timer.Stop()
	select {
	case <-w.ready:
	case <-timer.C:
		if b.leave(place) {
			b.rejected.Add(1)
			return Permit{}, b.full
		} // else it came at the last moment
	case <-ctx.Done():
		b.abandon(place)
		return Permit{}, b.ended(ctx)
	}
	return Permit{b, b.now()}, nil
}

// enqueue takes a place in the queue, or returns nil when that is full.
func (b *Bulkhead) enqueue(most int) *list.Element {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.queue.Len() >= most {
		return nil
	}
	place := b.queue.PushBack(&waiter{since: time.Now(), ready: make(chan struct{})})
	b.state.Add(1 << 32)
	b.admit() // what was given back before the queue could be seen
	return place
}

// abandon leaves the queue; what has been given in the meantime is passed on.
func (b *Bulkhead) abandon(place *list.Element) {
	if !b.leave(place) {
		b.hand(b.state.Add(oneLess))
	}
}

// leave takes a waiter out of the queue; false means that it has been given a place.
func (b *Bulkhead) leave(place *list.Element) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if place.Value.(*waiter).granted {
		return false
	}
	b.queue.Remove(place)
	b.state.Add(-(1 << 32) & math.MaxUint64)
	return true
}

// admit gives free places to those who have waited longest. The caller holds mu.
func (b *Bulkhead) admit() {
	for b.queue.Len() > 0 {
		s := b.state.Load()
		if int64(uint32(s)) >= b.limit.Load() {
			return
		}
		if b.state.CompareAndSwap(s, s+1-1<<32) {
			w := b.queue.Remove(b.queue.Front()).(*waiter)
			w.granted = true
			close(w.ready)
		}
	}
}

// Release gives the place back after a call that did what it should.
func (p Permit) Release() { p.release(false) }

// ReleaseFailed gives the place back after a call that failed. In an adaptive bulkhead a quick failure is not taken
// for a quick dependency; else it is [Permit.Release].
func (p Permit) ReleaseFailed() { p.release(true) }

func (p Permit) release(failed bool) {
	b := p.bulkhead
	if b == nil {
		return
	}
	s := b.state.Add(oneLess)
	if s>>32 != 0 || uint32(s) == math.MaxUint32 {
		b.hand(s)
	}
	if p.start != 0 {
		b.observe(p, int(uint32(s))+1, failed)
	}
}

// observe takes the latency of a call that has ended, and now and then moves the limit.
func (b *Bulkhead) observe(p Permit, used int, failed bool) {
	now := time.Since(b.epoch)
	if !b.adaptive.Observe(now, now-p.start, used, failed) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limit.Store(int64(b.adaptive.Limit()))
	b.admit()
}

// oneLess takes one from the places in use.
const oneLess = math.MaxUint64

// hand passes on the place whose return has made the state s.
func (b *Bulkhead) hand(s uint64) {
	if uint32(s) == math.MaxUint32 {
		b.state.Add(1) // it was given back twice: there was none to give
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.admit()
}

// Do makes a call in a place of its own. The error is call's, or that of [Bulkhead.Acquire] if there was no call. A panic
// in call gives the place back and goes on its way.
func (b *Bulkhead) Do(ctx context.Context, call func(context.Context) error) (err error) {
	permit, err := b.Acquire(ctx)
	if err != nil {
		return err
	}
	failed := true // unless call returns
	defer func() { permit.release(failed) }()
	err = call(ctx)
	failed = err != nil
	return err
}

// Execute is [Bulkhead.Do] for a call with a result.
func Execute[T any](ctx context.Context, b *Bulkhead, call func(context.Context) (T, error)) (result T, err error) {
	permit, err := b.Acquire(ctx)
	if err != nil {
		return result, err
	}
	failed := true // unless call returns
	defer func() { permit.release(failed) }()
	result, err = call(ctx)
	failed = err != nil
	return result, err
}

// Reconfigure puts another limit, wait and queue into force; those in their places and in the queue stay. The name, and
// whether the bulkhead is adaptive, stay too. On an error, that of [Config.Validate], everything stays.
func (b *Bulkhead) Reconfigure(config Config) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.settings.Load()
	config.Name, config.Adaptive = old.Name, old.Adaptive
	if err := config.Validate(); err != nil {
		return err
	}
	c := config.withDefaults()
	b.settings.Store(&c)
	limit := c.Limit
	if b.adaptive != nil {
		limit = b.adaptive.Bound(c.MinLimit, c.Limit)
	}
	b.limit.Store(int64(limit))
	b.admit()
	return nil
}
