// Command mysql talks to a server that closes idle connections, as wait_timeout and firewalls do. go-sql-driver/mysql before
// 1.5.0 finds out only when a query has failed; since then it looks before it sends.
package main

import (
	"fmt"
	"os"
	"sync/atomic"
	"time"

	_ "github.com/go-sql-driver/mysql"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/internal/timescale"
	"github.com/falsifiable/stability/signals"
	"github.com/falsifiable/stability/signals/sqldb"
)

func main() {
	timescale.Set(1.0 / 60)
	address, err := serve()
	if err != nil {
		fail(err)
	}
	pools := sqldb.New(sqldb.Config{})
	db, err := pools.Open("orders", "mysql", "root@tcp("+address+")/orders")
	if err != nil {
		fail(err)
	}
	var failed atomic.Int64
	errors := signals.CounterFunc("orders.query.error.count", signals.Count, func() float64 { return float64(failed.Load()) })
	fired := make(chan stability.Violation, 1)
	m := stability.Default()
	for _, s := range []signals.Source{pools, errors} {
		if err := m.Attach(s); err != nil {
			fail(err)
		}
	}
	stability.RegisterContract(&stability.Contract{
		Name:        "orders",
		Checks:      []stability.Check{{Name: "errors", Expr: "increase(orders.query.error.count[1m]) > 0", For: time.Minute}},
		OnViolation: report(fired),
	})
	if err := m.Start(); err != nil {
		fail(err)
	}
	tick := time.NewTicker(3 * idleLimit)
	end := time.After(8 * time.Second)
	for {
		select {
		case <-tick.C:
			if _, err := db.Exec("UPDATE orders SET paid = 1"); err != nil {
				failed.Add(1)
				fmt.Fprintln(os.Stderr, err)
			}
		case v := <-fired:
			fmt.Println("fired:", v.Contract+"/"+v.Name)
			return
		case <-end:
			conclude(m, "orders")
			return
		}
	}
}
