package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go"
	failsafebulkhead "github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/timeout"
	"github.com/sony/gobreaker/v2"
	"golang.org/x/sync/semaphore"

	"github.com/falsifiable/stability/defense"
	"github.com/falsifiable/stability/defense/breaker"
	"github.com/falsifiable/stability/defense/bulkhead"
)

// The same policy for all, as far as they have it: open at 80 % failures of at least 20 calls in 10 s, for an hour here so that
// the open state is measured and not the probe.
var errDependency = errors.New("down")

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func good(context.Context) error { return nil }

func goodValue() (int, error) { return 1, nil }

func oursBreaker() *breaker.Breaker {
	return must(breaker.New(breaker.Config{Timeout: time.Hour}))
}

func gobreakerNew() *gobreaker.CircuitBreaker[int] {
	return gobreaker.NewCircuitBreaker[int](gobreaker.Settings{
		Interval: 10 * time.Second, BucketPeriod: time.Second, Timeout: time.Hour,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			return c.Requests >= 20 && float64(c.TotalFailures) >= 0.8*float64(c.Requests)
		},
	})
}

func failsafeBreaker() circuitbreaker.CircuitBreaker[any] {
	return circuitbreaker.NewBuilder[any]().WithFailureRateThreshold(0.8, 20, 10*time.Second).WithDelay(time.Hour).Build()
}

func BenchmarkBreakerClosed(b *testing.B) {
	b.Run("ours", func(b *testing.B) {
		ours, ctx := oursBreaker(), b.Context()
		for b.Loop() {
			_ = ours.Do(ctx, good)
		}
	})
	b.Run("gobreaker", func(b *testing.B) {
		peer := gobreakerNew()
		for b.Loop() {
			_, _ = peer.Execute(goodValue)
		}
	})
	b.Run("failsafe-composed", func(b *testing.B) {
		peer := failsafe.With(failsafeBreaker())
		for b.Loop() {
			_ = peer.Run(func() error { return nil })
		}
	})
	b.Run("sentinel", func(b *testing.B) { sentinelLoop(b, false) })
}

// The two steps by hand, as an interceptor uses them.
func BenchmarkBreakerRaw(b *testing.B) {
	b.Run("ours", func(b *testing.B) {
		ours := oursBreaker()
		for b.Loop() {
			p, _ := ours.Acquire()
			p.Done(breaker.Success)
		}
	})
	b.Run("gobreaker", func(b *testing.B) {
		peer := gobreaker.NewTwoStepCircuitBreaker[int](gobreaker.Settings{Interval: 10 * time.Second, BucketPeriod: time.Second})
		for b.Loop() {
			done, _ := peer.Allow()
			done(nil)
		}
	})
	b.Run("failsafe-rate", func(b *testing.B) {
		peer := failsafeBreaker()
		for b.Loop() {
			peer.TryAcquirePermit()
			peer.RecordSuccess()
		}
	})
	b.Run("failsafe-count", func(b *testing.B) {
		peer := circuitbreaker.NewBuilder[any]().WithFailureThresholdRatio(16, 20).Build()
		for b.Loop() {
			peer.TryAcquirePermit()
			peer.RecordSuccess()
		}
	})
}

func BenchmarkBreakerOpen(b *testing.B) {
	b.Run("ours", func(b *testing.B) {
		ours, ctx := oursBreaker(), b.Context()
		for ours.State() != breaker.Open {
			_ = ours.Do(ctx, func(context.Context) error { return errDependency })
		}
		for b.Loop() {
			_ = ours.Do(ctx, good)
		}
	})
	b.Run("gobreaker", func(b *testing.B) {
		peer := gobreakerNew()
		for peer.State() != gobreaker.StateOpen {
			_, _ = peer.Execute(func() (int, error) { return 0, errDependency })
		}
		for b.Loop() {
			_, _ = peer.Execute(goodValue)
		}
	})
	b.Run("failsafe-raw", func(b *testing.B) {
		peer := failsafeBreaker()
		peer.Open()
		for b.Loop() {
			peer.TryAcquirePermit()
		}
	})
	b.Run("failsafe-composed", func(b *testing.B) {
		policy := failsafeBreaker()
		policy.Open()
		peer := failsafe.With(policy)
		for b.Loop() {
			_ = peer.Run(func() error { return nil })
		}
	})
	b.Run("sentinel", func(b *testing.B) { sentinelLoop(b, true) })
}

func BenchmarkBulkhead(b *testing.B) {
	const places = 64
	b.Run("ours", func(b *testing.B) {
		ours := must(bulkhead.New(bulkhead.Config{Limit: places}))
		for b.Loop() {
			p, _ := ours.TryAcquire()
			p.Release()
		}
	})
	b.Run("x-sync-semaphore", func(b *testing.B) {
		peer := semaphore.NewWeighted(places)
		for b.Loop() {
			peer.TryAcquire(1)
			peer.Release(1)
		}
	})
	b.Run("failsafe-raw", func(b *testing.B) {
		peer := failsafebulkhead.New[any](places)
		for b.Loop() {
			peer.TryAcquirePermit()
			peer.ReleasePermit()
		}
	})
	b.Run("buffered-channel", func(b *testing.B) {
		peer := make(chan struct{}, places)
		for b.Loop() {
			select {
			case peer <- struct{}{}:
			default:
			}
			<-peer
		}
	})
}

// Breaker, bulkhead and deadline around a call whose caller has a sooner deadline already.
func BenchmarkGuard(b *testing.B) {
	b.Run("ours", func(b *testing.B) {
		guard := must(defense.New(defense.Config{Timeout: time.Hour}))
		ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
		defer cancel()
		for b.Loop() {
			_ = guard.Do(ctx, good)
		}
	})
	b.Run("failsafe-composed", func(b *testing.B) {
		ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
		defer cancel()
		peer := failsafe.With(failsafebulkhead.New[any](64), failsafeBreaker(), timeout.New[any](time.Hour)).WithContext(ctx)
		for b.Loop() {
			_ = peer.Run(func() error { return nil })
		}
	})
}

// BenchmarkContention shares one breaker, one bulkhead and one guard among goroutines.
func BenchmarkContention(b *testing.B) {
	for _, n := range []int{1, 2, 8, 64} {
		contendBreaker(b, n)
		contendBulkhead(b, n)
		contendGuard(b, n)
	}
}

func contendBreaker(b *testing.B, n int) {
	ours, gobreaker, raw, ctx := oursBreaker(), gobreakerNew(), failsafeBreaker(), b.Context()
	composed := failsafe.With(failsafeBreaker())
	name := fmt.Sprintf("Breaker%d/", n)
	b.Run(name+"ours", func(b *testing.B) { among(b, n, func() { _ = ours.Do(ctx, good) }) })
	b.Run(name+"gobreaker", func(b *testing.B) { among(b, n, func() { _, _ = gobreaker.Execute(goodValue) }) })
	b.Run(name+"failsafe-raw", func(b *testing.B) { among(b, n, func() { raw.TryAcquirePermit(); raw.RecordSuccess() }) })
	b.Run(name+"failsafe-composed", func(b *testing.B) { among(b, n, func() { _ = composed.Run(func() error { return nil }) }) })
	b.Run(name+"sentinel", func(b *testing.B) { sentinelAmong(b, n) })
}

func contendBulkhead(b *testing.B, n int) {
	const places = 1000
	ours, weighted, raw, ctx := must(bulkhead.New(bulkhead.Config{Limit: places})), semaphore.NewWeighted(places), failsafebulkhead.New[any](places), b.Context()
	composed := failsafe.With(failsafebulkhead.New[any](places))
	name := fmt.Sprintf("Bulkhead%d/", n)
	b.Run(name+"ours", func(b *testing.B) { among(b, n, func() { p, _ := ours.TryAcquire(); p.Release() }) })
	b.Run(name+"x-sync-semaphore", func(b *testing.B) {
		among(b, n, func() { _ = weighted.Acquire(ctx, 1); weighted.Release(1) })
	})
	b.Run(name+"failsafe-raw", func(b *testing.B) { among(b, n, func() { raw.TryAcquirePermit(); raw.ReleasePermit() }) })
	b.Run(name+"failsafe-composed", func(b *testing.B) { among(b, n, func() { _ = composed.Run(func() error { return nil }) }) })
}

func contendGuard(b *testing.B, n int) {
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	b.Cleanup(cancel)
	ours := must(defense.New(defense.Config{Timeout: time.Hour, Bulkhead: bulkhead.Config{Limit: 1000}}))
	composed := failsafe.With(failsafebulkhead.New[any](1000), failsafeBreaker(), timeout.New[any](time.Hour)).WithContext(ctx)
	name := fmt.Sprintf("Guard%d/", n)
	b.Run(name+"ours", func(b *testing.B) { among(b, n, func() { _ = ours.Do(ctx, good) }) })
	b.Run(name+"failsafe-composed", func(b *testing.B) { among(b, n, func() { _ = composed.Run(func() error { return nil }) }) })
}

// among has n goroutines make the benchmark's calls together.
func among(b *testing.B, n int, call func()) {
	var group sync.WaitGroup
	for range n {
		group.Go(func() {
			for range b.N/n + 1 {
				call()
			}
		})
	}
	group.Wait()
}
