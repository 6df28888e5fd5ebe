package earlyready

import (
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
)

// Cause is the catalogue's entry.
var Cause = cause.Cause{
	ID:      "earlyready",
	Title:   "Early ready",
	Section: "4.3",
	Class:   cause.FalseReadiness,
	Checks: []stability.Check{{
		Name: "early",
		Expr: "increase(health.request.early.count[5m]) > 1% * increase(http.server.request.count[5m])",
	}},
	Trials:    []cause.Trial{{Check: "early", Fault: "earlyready", Deadline: 10 * time.Minute}},
	Brings:    []string{"failing", "slowdown"},
	Signals:   cause.Organ{Names: []string{"health.request.early.count", "http.server.request.count", "health.ready"}},
	Defenses:  cause.Organ{None: "the admission of package health keeps requests out until the start is complete, and lets them in along a ramp"},
	Analyzers: cause.Organ{None: "that a handler serves before its caches are warm is not written in the source; stability doctor reads the probes of manifests"},
}
