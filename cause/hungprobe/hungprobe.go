package hungprobe

import (
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
)

// Cause is the catalogue's entry.
var Cause = cause.Cause{
	ID:      "hungprobe",
	Title:   "Hung probe",
	Section: "4.3",
	Class:   cause.FalseReadiness,
	Checks: []stability.Check{{
		Name: "overdue",
		Expr: "health.component.overdue > 0",
		For:  10 * time.Second,
	}},
	Trials:    []cause.Trial{{Check: "overdue", Fault: "hungprobe", Deadline: 2 * time.Minute}},
	Signals:   cause.Organ{Names: []string{"health.component.overdue", "health.component.age", "health.component.failing"}},
	Defenses:  cause.Organ{None: "package health runs checks in the background, and lets none that hangs go on serving its last good result"},
	Analyzers: cause.Organ{Names: []string{"lostdeadline"}},
}
