package breaker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

var errDown = errors.New("down")

func mustNew(t testing.TB, c Config) *Breaker {
	t.Helper()
	b, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// trip opens a breaker by failures only.
func trip(t testing.TB, b *Breaker) {
	t.Helper()
	for range b.settings.Load().MinimumRequests {
		_ = b.Do(t.Context(), func(context.Context) error { return errDown })
	}
	if b.State() != Open {
		t.Fatalf("state = %v after failures only, want open", b.State())
	}
}

func nothing(context.Context) error { return nil }

func TestHotPathsAllocateNothing(t *testing.T) {
	closed, timed, open := mustNew(t, Config{}), mustNew(t, Config{SlowCall: time.Minute}), mustNew(t, Config{Timeout: time.Hour})
	trip(t, open)
	ctx := t.Context()
	for name, call := range map[string]func(){
		"closed":      func() { _ = closed.Do(ctx, nothing) },
		"closed raw":  func() { p, _ := closed.Acquire(); p.Done(Success) },
		"ignored":     func() { p, _ := closed.Acquire(); p.Done(Ignored) },
		"timed":       func() { _ = timed.Do(ctx, nothing) },
		"open":        func() { _ = open.Do(ctx, nothing) },
		"with result": func() { _, _ = Execute(ctx, closed, func(context.Context) (int, error) { return 1, nil }) },
	} {
		if n := testing.AllocsPerRun(2000, call); n != 0 {
			t.Errorf("%s: %v allocations a call, want 0", name, n)
		}
	}
}

func BenchmarkBreaker(b *testing.B) {
	ctx := b.Context()
	closed, timed, open := mustNew(b, Config{}), mustNew(b, Config{SlowCall: time.Minute}), mustNew(b, Config{Timeout: time.Hour})
	trip(b, open)
	b.Run("closed", func(b *testing.B) {
		for b.Loop() {
			_ = closed.Do(ctx, nothing)
		}
	})
	b.Run("closed_raw", func(b *testing.B) {
		for b.Loop() {
			p, _ := closed.Acquire()
			p.Done(Success)
		}
	})
	b.Run("closed_timed", func(b *testing.B) {
		for b.Loop() {
			_ = timed.Do(ctx, nothing)
		}
	})
	b.Run("closed_failure", func(b *testing.B) {
		for b.Loop() {
			p, _ := closed.Acquire()
			p.Done(Success)
			closed.judge(p.word)
		}
	})
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			_ = open.Do(ctx, nothing)
		}
	})
	for _, n := range []int{1, 2, 8, 64} {
		b.Run(fmt.Sprintf("closed_by_%d", n), func(b *testing.B) {
			var group sync.WaitGroup
			for range n {
				group.Go(func() {
					for range b.N/n + 1 {
						_ = closed.Do(ctx, nothing)
					}
				})
			}
			group.Wait()
		})
	}
}
