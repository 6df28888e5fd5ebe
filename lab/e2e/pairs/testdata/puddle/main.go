// Command puddle makes resources in advance while all are in use. The pool of jackc/puddle before 2.2.1 then grew over its
// maximum: the rare case in which the whitepaper's rule, pool.Active() > pool.Max(), is true.
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/puddle/v2"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/internal/timescale"
	"github.com/falsifiable/stability/signals"
)

func main() {
	timescale.Set(1.0 / 60)
	pool, err := puddle.NewPool(&puddle.Config[int]{
		Constructor: func(context.Context) (int, error) { return 1, nil },
		Destructor:  func(int) {},
		MaxSize:     3,
	})
	if err != nil {
		fail(err)
	}
	fired := make(chan stability.Violation, 1)
	m := stability.Default()
	for _, s := range []signals.Source{
		signals.GaugeFunc("connections.total", signals.Count, func() float64 { return float64(pool.Stat().TotalResources()) }),
		signals.GaugeFunc("connections.max", signals.Count, func() float64 { return float64(pool.Stat().MaxResources()) }),
	} {
		if err := m.Attach(s); err != nil {
			fail(err)
		}
	}
	stability.RegisterContract(&stability.Contract{
		Name:        "connections",
		Checks:      []stability.Check{{Name: "over", Expr: "connections.total > connections.max"}},
		OnViolation: report(fired),
	})
	if err := m.Start(); err != nil {
		fail(err)
	}
	for range 3 {
		if _, err := pool.Acquire(context.Background()); err != nil {
			fail(err)
		}
	}
	tick := time.NewTicker(100 * time.Millisecond)
	end := time.After(6 * time.Second)
	for {
		select {
		case <-tick.C:
			if pool.Stat().TotalResources() < 8 {
				_ = pool.CreateResource(context.Background()) // mended, it says that there is no room
			}
		case v := <-fired:
			fmt.Println("fired:", v.Contract+"/"+v.Name)
			return
		case <-end:
			conclude(m, "connections")
			return
		}
	}
}
