package moduledrift

import (
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
)

// Cause is the catalogue's entry.
var Cause = cause.Cause{
	ID:      "moduledrift",
	Title:   "Module drift",
	Section: "4.4",
	Class:   cause.VersionDrift,
	Checks: []stability.Check{{
		Name: "compiled",
		Expr: "build.module.drifted > 0",
	}},
	Trials: []cause.Trial{
		{Check: "compiled", Fault: "standin", Params: map[string]string{"signal": "build.module.drifted", "value": "1"}, Deadline: 2 * time.Minute},
	},
	Signals:   cause.Organ{Names: []string{"build.module.drifted", "build.module.drift", "build.module.version", "build.go.version"}},
	Defenses:  cause.Organ{None: "drift is refused before it runs: stability gate modules, toolchain and start; a program that has it already cannot mend itself"},
	Analyzers: cause.Organ{None: "it is not in the source: stability gate modules reads go.mod, go.sum, vendor and the binary"},
}
