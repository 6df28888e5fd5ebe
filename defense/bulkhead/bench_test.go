package bulkhead

import (
	"context"
	"fmt"
	"sync"
	"testing"
)

func nothing(context.Context) error { return nil }

func TestHotPathsAllocateNothing(t *testing.T) {
	b, adaptive, full := mustNew(t, Config{}), mustNew(t, Config{Adaptive: true}), mustNew(t, Config{Limit: 1})
	mustAcquire(t, full)
	ctx := t.Context()
	for name, call := range map[string]func(){
		"try":      func() { p, _ := b.TryAcquire(); p.Release() },
		"do":       func() { _ = b.Do(ctx, nothing) },
		"adaptive": func() { _ = adaptive.Do(ctx, nothing) },
		"full":     func() { _ = full.Do(ctx, nothing) },
	} {
		if n := testing.AllocsPerRun(1000, call); n != 0 {
			t.Errorf("%s: %v allocations a call, want 0", name, n)
		}
	}
}

func BenchmarkBulkhead(b *testing.B) {
	ctx := b.Context()
	fixed, adaptive := mustNew(b, Config{}), mustNew(b, Config{Adaptive: true})
	b.Run("try", func(b *testing.B) {
		for b.Loop() {
			p, _ := fixed.TryAcquire()
			p.Release()
		}
	})
	b.Run("acquire", func(b *testing.B) {
		for b.Loop() {
			p, _ := fixed.Acquire(ctx)
			p.Release()
		}
	})
	b.Run("do", func(b *testing.B) {
		for b.Loop() {
			_ = fixed.Do(ctx, nothing)
		}
	})
	b.Run("adaptive", func(b *testing.B) {
		for b.Loop() {
			_ = adaptive.Do(ctx, nothing)
		}
	})
	for _, n := range []int{1, 2, 8, 64} {
		b.Run(fmt.Sprintf("by_%d", n), func(b *testing.B) {
			var group sync.WaitGroup
			for range n {
				group.Go(func() {
					for range b.N/n + 1 {
						if p, ok := fixed.TryAcquire(); ok {
							p.Release()
						}
					}
				})
			}
			group.Wait()
		})
	}
}
