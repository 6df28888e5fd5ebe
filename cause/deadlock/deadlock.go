package deadlock

import (
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
)

// Cause is the catalogue's entry.
var Cause = cause.Cause{
	ID:      "deadlock",
	Title:   "Deadlock",
	Section: "2.3",
	Class:   cause.Blocked,
	Checks: []stability.Check{{
		Name: "aging",
		Expr: "theil_sen(http.server.request.oldest[2m]) > 0.95 && http.server.request.oldest > 10 * baseline(max_over_time(http.server.request.oldest[1m])) && " +
			"http.server.request.waiting > 1 + 2 * baseline(max_over_time(http.server.request.waiting[1m])) && " +
			"rate(process.cpu.time[2m]) < baseline(rate(process.cpu.time[1m])) + 0.5",
		For: time.Minute,
	}, {
		Name: "proven",
		Expr: `go.goroutine.leaked{wait="lock"} > 0`,
	}},
	Trials: []cause.Trial{
		{Check: "aging", Fault: "deadlock", Params: map[string]string{"share": "10%", "max": "20"}, Deadline: 6 * time.Minute},
		{Check: "proven", Fault: "deadlock", Params: map[string]string{"where": "lost"}, Deadline: 5 * time.Minute},
	},
	Brings:    []string{"channelblock", "overload", "goroutineleak", "lockconvoy", "slowdown", "failing", "poolexhaustion"},
	Signals:   cause.Organ{Names: []string{"http.server.request.oldest", "http.server.request.waiting", "http.server.active_requests", "go.goroutine.leaked"}},
	Defenses:  cause.Organ{None: "a deadlock is mended where it is written: one order of locks, and none held over a wait; a deadline on every wait bounds what it costs"},
	Analyzers: cause.Organ{Names: []string{"lockorder", "channelblock"}},
}
