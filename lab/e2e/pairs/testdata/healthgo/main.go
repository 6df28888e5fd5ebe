// Command healthgo asks a health check that always takes too long. hellofresh/health-go before 5.5.5 leaves a goroutine
// behind each time that a check times out.
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/hellofresh/health-go/v5"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/internal/timescale"
	"github.com/falsifiable/stability/signals/goruntime"
)

func main() {
	timescale.Set(1.0 / 60)
	h, err := health.New(health.WithChecks(health.Config{
		Name: "slow", Timeout: 5 * time.Millisecond,
		Check: func(context.Context) error { <-time.After(20 * time.Millisecond); return nil },
	}))
	if err != nil {
		fail(err)
	}
	fired := make(chan stability.Violation, 1)
	stability.RegisterContract(&stability.Contract{
		Name: "probes",
		Checks: []stability.Check{{
			Name: "leak", Expr: "mann_kendall(go.goroutine.count[2m]) > 3 && go.goroutine.count > 50 + 2 * baseline(go.goroutine.count)",
			For: time.Minute, Cause: "goroutineleak",
		}},
		OnViolation: report(fired),
	})
	m := stability.Default()
	if err := m.Attach(goruntime.New()); err != nil {
		fail(err)
	}
	if err := m.Start(); err != nil {
		fail(err)
	}
	tick := time.NewTicker(25 * time.Millisecond)
	end := time.After(12 * time.Second)
	for {
		select {
		case <-tick.C:
			h.Measure(context.Background())
		case v := <-fired:
			fmt.Println("fired:", v.Contract+"/"+v.Name)
			return
		case <-end:
			conclude(m, "probes")
			return
		}
	}
}
