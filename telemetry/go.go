package telemetry

import (
	"context"
	"runtime/pprof"
)

// Go runs fn on a goroutine of its own that belongs to what ctx belongs to: fn is given ctx, with its span, deadline and cancellation,
// and the goroutine has the profiler labels of ctx (pprof.WithLabels), so that a profile tells whose it is. Give
// context.WithoutCancel(ctx) to work that is to outlive the request which asked for it, and a deadline of its own.
//
// A panic in fn ends the process, as it does behind a go statement.
func Go(ctx context.Context, fn func(ctx context.Context)) {
	go func() {
		pprof.SetGoroutineLabels(ctx)
		fn(ctx)
	}()
}

// Run runs fn here and now, with the profiler labels of ctx; the goroutine has none afterwards. It is for goroutines that work for
// others: a worker of a pool, a receiver of a channel, the function of a timer, which inherit nothing from who gave them the
// work. Send the context along with the work:
//
//	type job struct { ctx context.Context; order Order }
//	for j := range jobs { telemetry.Run(j.ctx, j.order.ship) }
//
// It allocates nothing. A goroutine that was started by a go statement needs no Run for its labels: the runtime hands those on.
func Run(ctx context.Context, fn func(ctx context.Context)) {
	pprof.SetGoroutineLabels(ctx)
	defer pprof.SetGoroutineLabels(context.Background())
	fn(ctx)
}
