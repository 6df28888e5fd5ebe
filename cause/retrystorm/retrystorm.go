package retrystorm

import (
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
)

// Cause is the catalogue's entry.
var Cause = cause.Cause{
	ID:      "retrystorm",
	Title:   "Retry storm",
	Section: "3.2",
	Class:   cause.Exhaustion,
	Checks: []stability.Check{{
		Name: "attempts",
		Expr: "rate(rpc.client.peer.call.count[1m]) > 1.5 * baseline(rate(rpc.client.peer.call.count[1m])) && " +
			"rate(rpc.client.peer.unavailable.count[1m]) > 0.5 * rate(rpc.client.peer.call.count[1m])",
		For: 30 * time.Second,
	}},
	Trials:    []cause.Trial{{Check: "attempts", Fault: "callfailure", Deadline: 5 * time.Minute}},
	Brings:    []string{"overload", "slowdown", "failing"},
	Signals:   cause.Organ{Names: []string{"rpc.client.peer.call.count", "rpc.client.peer.unavailable.count", "retry.retries", "retry.requests", "retry.refused"}},
	Defenses:  cause.Organ{Names: []string{"retry", "breaker"}},
	Analyzers: cause.Organ{None: "a loop that tries again is no mistake; that it has no budget shows only when the dependency fails"},
}
