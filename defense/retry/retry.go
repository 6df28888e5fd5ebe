// Package retry tries a call again, and bounds how much of a dependency's load may be retries (docs/guide/whitepaper.md §3.2).
//
// Three attempts per request sound harmless; when the dependency is down, they are three times the load, just when it can
// bear it least, and with three layers of services twenty-seven times. A [Budget] is a bucket of retries which
// requests fill, a tenth of a retry each: in good times there is always one left, in bad times retries are a
// tenth of the requests and no more. (The idea is Finagle's retry budget; gRPC's retry throttling is of the same kind.)
//
//	ledger, err := retry.New(retry.Config{Name: "ledger"})
//	…
//	err = ledger.Do(ctx, func(ctx context.Context) error { return post(ctx, entry) })
//	if errors.Is(err, retry.ErrBudget) { … } // failed, and was not tried again
//
// Only what may be done twice may be tried twice: retry reads, and writes with an idempotency key.
package retry

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// ErrBudget reports that a call failed and was not tried again because the budget is spent. The error wraps the call's.
var ErrBudget = errors.New("retry: budget spent")

// budgetError is a call's error that was the last because of the budget.
type budgetError struct {
	name string
	err  error
}

func (e *budgetError) Error() string {
	return "retry: calling " + e.name + ": budget spent, after: " + e.err.Error()
}
func (e *budgetError) Is(target error) bool { return target == ErrBudget }
func (e *budgetError) Unwrap() error        { return e.err }
func (e *budgetError) Retryable() bool      { return false }

// Permanent wraps an error that a call returns to say that trying again is of no use. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanent{err}
}

type permanent struct{ error }

func (p permanent) Unwrap() error   { return p.error }
func (p permanent) Retryable() bool { return false }

// one is a retry in the bucket. The bucket holds fractions.
const one = 1_000_000

// Budget is the retries of one dependency. Make it with [New] and share it among all who call that dependency. Safe
// for concurrent use; it has no goroutine and needs no closing.
type Budget struct {
	settings atomic.Pointer[Config]
	tokens   atomic.Int64 // in millionths

	requests, retries, refused atomic.Uint64

	mu     sync.Mutex // guards taking out, and what follows
	filled time.Time  // when the trickle was last let in
}

// New returns a full budget, or the error of [Config.Validate].
func New(config Config) (*Budget, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	c := config.withDefaults()
	b := &Budget{filled: time.Now()}
	b.settings.Store(&c)
	b.tokens.Store(int64(c.Burst) * one)
	return b, nil
}

// Request counts a request that is tried for the first time, and adds its share to the budget. With [Budget.Retry] it is
// what [Budget.Do] is made of, for clients that retry by themselves.
func (b *Budget) Request() {
	b.requests.Add(1)
	c := b.settings.Load()
	b.fill(int64(c.Ratio*one), int64(c.Burst)*one)
}

// fill adds to the bucket, up to its brim.
func (b *Budget) fill(more, brim int64) {
	for {
		n := b.tokens.Load()
		if n >= brim || b.tokens.CompareAndSwap(n, min(n+more, brim)) {
			return
		}
	}
}

// Retry takes one retry out of the budget and reports whether there was one.
func (b *Budget) Retry() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trickle()
	if b.tokens.Load() < one { // nobody else takes out
		b.refused.Add(1)
		return false
	}
	b.tokens.Add(-one)
	b.retries.Add(1)
	return true
}

// trickle lets in what time alone allows. The caller holds mu.
func (b *Budget) trickle() {
	c, now := b.settings.Load(), time.Now()
	more := min(c.PerSecond*now.Sub(b.filled).Seconds(), float64(c.Burst))
	if more < 1e-3 && now.Sub(b.filled) < time.Hour {
		return // so small that rounding would matter; it is not lost, but comes later
	}
	b.fill(int64(more*one), int64(c.Burst)*one)
	b.filled = now
}

// Delay returns how long to wait before the nth retry, counted from 1: a random time between 0 and [Config.Backoff],
// doubled with each retry up to [Config.MaxBackoff]. Full jitter spreads the retries of many clients best
// (M. Brooker, "Exponential Backoff and Jitter", 2015).
func (b *Budget) Delay(n int) time.Duration {
	c := b.settings.Load()
	most := c.MaxBackoff
	if shift := max(n, 1) - 1; shift < 62 && c.Backoff <= most>>shift {
		most = c.Backoff << shift
	}
	return rand.N(most + 1)
}

// retrying marks the context of an attempt beyond the first.
type retrying struct{}

// Do makes a call, and makes it again while it fails, up to [Config.Attempts] times. It gives up as soon as another attempt
// is of no use: ctx has ended or would end before the next attempt, the error is not retryable or asks by a method RetryAfter()
// time.Duration for a longer wait than [Config.MaxBackoff], the budget is spent.
// The error is that of the last attempt; with [ErrBudget] or the end of ctx wrapped around it if that is why it was
// the last.
//
// A call that is itself made within a retry of another Do is tried once: layers must not multiply.
func (b *Budget) Do(ctx context.Context, call func(context.Context) error) error {
	_, err := Execute(ctx, b, func(ctx context.Context) (struct{}, error) { return struct{}{}, call(ctx) })
	return err
}

// Execute is [Budget.Do] for a call with a result.
func Execute[T any](ctx context.Context, b *Budget, call func(context.Context) (T, error)) (T, error) {
	b.Request()
	attempt := ctx
	for n := 1; ; n++ {
		result, err := call(attempt)
		if err == nil {
			return result, nil
		}
		if again, why := b.again(ctx, n, err); !again {
			return result, why
		}
		if n == 1 {
			attempt = context.WithValue(ctx, retrying{}, true)
		}
	}
}

// again decides after the nth failed attempt whether there is another, and waits for its time. If there is none, it
// returns the error to give back.
func (b *Budget) again(ctx context.Context, n int, err error) (bool, error) {
	c := b.settings.Load()
	if n >= c.Attempts || ctx.Err() != nil || !c.Retryable(err) || ctx.Value(retrying{}) != nil {
		return false, err
	}
	delay := b.Delay(n)
	var hint interface{ RetryAfter() time.Duration }
	if errors.As(err, &hint) {
		delay = max(delay, hint.RetryAfter())
	}
	if delay > c.MaxBackoff { // to come back sooner than was asked for is of no use, and nobody else says how long we wait
		return false, err
	}
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= delay {
		return false, err
	}
	if !b.Retry() {
		return false, &budgetError{c.Name, err}
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true, nil
	case <-ctx.Done():
		return false, fmt.Errorf("retry: waiting to call %s again: %w, after: %w", c.Name, ctx.Err(), err)
	}
}

// Reconfigure puts other figures into force. Name and Retryable stay. On an error, that of [Config.Validate],
// everything stays.
func (b *Budget) Reconfigure(config Config) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.settings.Load()
	config.Name = old.Name
	if err := config.Validate(); err != nil {
		return err
	}
	c := config.withDefaults()
	c.Retryable = old.Retryable
	b.settings.Store(&c)
	for { // a smaller bucket holds less
		n := b.tokens.Load()
		if b.tokens.CompareAndSwap(n, min(n, int64(c.Burst)*one)) {
			return nil
		}
	}
}
