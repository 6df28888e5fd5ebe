package stability_test

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/signals"
)

// A service watches a queue of its own.
func Example() {
	monitor := stability.NewMonitor(stability.Config{
		Warmup:         -1,                   // a service lets its caches fill first
		SampleInterval: 5 * time.Millisecond, // a service samples each second
		Logger:         slog.New(slog.DiscardHandler),
	})
	waiting := signals.GaugeFunc("queue.waiting", signals.Count, func() float64 { return 250 })
	if err := monitor.Attach(waiting); err != nil {
		fmt.Println(err)
		return
	}
	violated := make(chan stability.Violation, 3)
	err := monitor.Register(&stability.Contract{
		Name:        "orders",
		Interval:    10 * time.Millisecond, // a service judges each 30 s
		Checks:      []stability.Check{{Name: "backlog", Expr: "queue.waiting > 200"}},
		OnViolation: func(_ context.Context, v stability.Violation) { violated <- v },
	})
	if err != nil {
		fmt.Println(err) // with the place in the expression, and the mend
		return
	}
	if err := monitor.Start(); err != nil {
		fmt.Println(err)
		return
	}
	defer monitor.Stop()
	fmt.Println(<-violated)
	// Output: orders/backlog violated (strike 1): queue.waiting > 200: value 250, threshold 200
}
