package badreload

import (
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
)

// Cause is the catalogue's entry.
var Cause = cause.Cause{
	ID:      "badreload",
	Title:   "Bad reload",
	Section: "4.1",
	Class:   cause.ConfigReload,
	Checks: []stability.Check{{
		Name: "failing",
		Expr: "config.failing > 0",
		For:  time.Minute,
	}},
	Trials:    []cause.Trial{{Check: "failing", Fault: "tornfile", Params: map[string]string{"how": "invalid"}, Deadline: 3 * time.Minute}},
	Signals:   cause.Organ{Names: []string{"config.failing", "config.failing.age", "config.rejected.count"}},
	Defenses:  cause.Organ{Names: []string{"hotconfig"}},
	Analyzers: cause.Organ{None: "what is wrong with a file is not written in the source; hotconfig says it with line and column"},
}
