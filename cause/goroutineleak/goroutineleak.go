package goroutineleak

import (
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
)

// Cause is the catalogue's entry.
var Cause = cause.Cause{
	ID:      "goroutineleak",
	Title:   "Goroutine leak",
	Section: "2.2",
	Class:   cause.Blocked,
	Checks: []stability.Check{{
		Name: "growth",
		Expr: "theil_sen(go.goroutine.count[5m]) > 100/1m && go.goroutine.count > 2 * baseline(go.goroutine.count) + 200",
		For:  time.Minute,
	}, {
		Name: "proven",
		Expr: `go.goroutine.leaked{wait!="lock"} > 5`,
	}},
	Trials: []cause.Trial{{
		Check: "growth", Fault: "goroutineleak", Params: map[string]string{"rate": "500", "max": "50000"}, Deadline: 8 * time.Minute,
	}, {
		Check: "proven", Fault: "goroutineleak", Params: map[string]string{"where": "lost", "rate": "10", "max": "100"}, Deadline: 8 * time.Minute,
	}},
	Brings:    []string{"memoryleak", "gcstorm"},
	Signals:   cause.Organ{Names: []string{"go.goroutine.count", "go.goroutine.waiting", "go.goroutine.created", "go.goroutine.leaked"}},
	Defenses:  cause.Organ{None: "a leak is mended where it is written: a buffer of one for the result, a context in every select, errgroup"},
	Analyzers: cause.Organ{Names: []string{"goroutineleak"}},
}
