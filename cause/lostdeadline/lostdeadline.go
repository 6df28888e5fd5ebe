package lostdeadline

import (
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
)

// Cause is the catalogue's entry.
var Cause = cause.Cause{
	ID:      "lostdeadline",
	Title:   "Lost deadline",
	Section: "3.1",
	Class:   cause.LostDeadline,
	Checks: []stability.Check{{
		Name: "unbounded",
		Expr: "increase(http.client.request.unbounded.count[1m]) > 0.05 * increase(http.client.request.count[1m])",
		For:  time.Minute,
	}},
	Trials:    []cause.Trial{{Check: "unbounded", Fault: "lostcontext", Deadline: 5 * time.Minute}},
	Brings:    []string{"goroutineleak", "overload", "deadlock"},
	Signals:   cause.Organ{Names: []string{"http.client.request.unbounded.count", "http.client.request.count", "http.client.request.budget.min", "http.client.request.oldest"}},
	Defenses:  cause.Organ{Names: []string{"deadline"}},
	Analyzers: cause.Organ{Names: []string{"lostdeadline"}},
}
