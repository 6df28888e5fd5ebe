package poolsize_test

import (
	"fmt"
	"time"

	"github.com/falsifiable/stability/defense/poolsize"
)

// Callers wait and the database has room: the pool grows, and keeps what it has grown by because callers are served sooner.
func ExampleController() {
	c := poolsize.NewController(poolsize.Config{MaxOpen: 20}, 4)
	for range 5 {
		open := c.Setting().MaxOpen
		d := c.Step(poolsize.Observation{
			Waiting: float64(12 - open), InUse: open, Rate: 100 * float64(open), Latency: 10 * time.Millisecond,
		})
		fmt.Printf("%s, %d open: %s\n", d.Action, d.Setting.MaxOpen, d.Reason)
	}
	// Output:
	// hold, 4 open: measuring
	// grow, 5 open: 8.0 callers wait while all 4 connections are in use
	// hold, 5 open: settling
	// hold, 5 open: measuring the change
	// keep, 5 open: a caller took 30 ms before, and 24 ms now
}
