package badconfig

import (
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
)

// Cause is the catalogue's entry.
var Cause = cause.Cause{
	ID:      "badconfig",
	Title:   "Harmful configuration",
	Section: "4.1",
	Class:   cause.ConfigReload,
	Checks: []stability.Check{{
		Name: "harm",
		Expr: "config.generation > 1 && config.age < 5m && " +
			"rate(http.server.request.error.count[10s]) > 5% * rate(http.server.request.count[10s]) && " +
			"rate(http.server.request.error.count[10s]) > 3 * baseline(rate(http.server.request.error.count[10s]))",
	}},
	Trials:    []cause.Trial{{Check: "harm", Fault: "harmfulconfig", Deadline: 2 * time.Minute}},
	Brings:    []string{"failing", "slowdown"},
	Signals:   cause.Organ{Names: []string{"config.generation", "config.age", "http.server.request.error.count", "http.server.request.count", "config.reverted.count"}},
	Defenses:  cause.Organ{Names: []string{"hotconfig"}},
	Analyzers: cause.Organ{None: "the values are data, and valid; only what they do tells"},
}
