package main

import (
	"testing"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/failsafe-go/failsafe-go/adaptivelimiter"
	"golang.org/x/sync/semaphore"

	"github.com/falsifiable/stability/defense/admission"
	"github.com/falsifiable/stability/signals/cgroup"
)

// One request admitted and done.
func BenchmarkAdmission(b *testing.B) {
	b.Run("ours", func(b *testing.B) {
		control, ctx := must(admission.New(admission.Config{})), b.Context()
		for b.Loop() {
			if permit, err := control.Acquire(ctx, admission.Default); err == nil {
				permit.Release()
			}
		}
	})
	b.Run("failsafe_adaptivelimiter", func(b *testing.B) {
		limiter := adaptivelimiter.NewWithDefaults[any]()
		for b.Loop() {
			if permit, ok := limiter.TryAcquirePermit(); ok {
				permit.Record()
			}
		}
	})
	b.Run("x_sync_semaphore", func(b *testing.B) {
		s, ctx := semaphore.NewWeighted(64), b.Context()
		for b.Loop() {
			if s.Acquire(ctx, 1) == nil {
				s.Release(1)
			}
		}
	})
}

// What the container allows, read once. Ours reads usage, events, pressure, CPU and processes besides.
func BenchmarkCgroup(b *testing.B) {
	b.Run("ours", func(b *testing.B) {
		reader := cgroup.Open()
		defer reader.Close()
		for b.Loop() {
			reader.Read()
		}
	})
	b.Run("automemlimit", func(b *testing.B) {
		for b.Loop() {
			_, _ = memlimit.FromCgroup()
		}
	})
}
