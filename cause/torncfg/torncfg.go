package torncfg

import (
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
)

// Cause is the catalogue's entry.
var Cause = cause.Cause{
	ID:      "torncfg",
	Title:   "Torn configuration",
	Section: "4.1",
	Class:   cause.ConfigReload,
	Checks: []stability.Check{{
		Name: "torn",
		Expr: "increase(config.torn.count[5m]) > 0",
	}},
	Trials:    []cause.Trial{{Check: "torn", Fault: "tornfile", Params: map[string]string{"how": "torn"}, Deadline: 10 * time.Minute}},
	Brings:    []string{"badreload", "badconfig", "failing"},
	Signals:   cause.Organ{Names: []string{"config.torn.count", "config.rejected.count", "config.generation"}},
	Defenses:  cause.Organ{Names: []string{"hotconfig"}},
	Analyzers: cause.Organ{Names: []string{"torncfg"}},
}
