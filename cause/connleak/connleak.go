package connleak

import (
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
)

// Cause is the catalogue's entry.
var Cause = cause.Cause{
	ID:      "connleak",
	Title:   "Connection leak",
	Section: "3.3",
	Class:   cause.Exhaustion,
	Checks: []stability.Check{{
		Name: "overdue",
		Expr: "db.client.connection.overdue > 0",
		For:  5 * time.Minute,
	}},
	Trials:    []cause.Trial{{Check: "overdue", Fault: "rowleak", Params: map[string]string{"max": "2"}, Deadline: 10 * time.Minute}},
	Brings:    []string{"poolexhaustion", "channelblock", "deadlock", "overload", "slowdown", "failing"},
	Signals:   cause.Organ{Names: []string{"db.client.connection.overdue", "db.client.connection.held.oldest", "db.client.connection.in_use"}},
	Defenses:  cause.Organ{None: "a leak is mended where it is written: defer rows.Close, defer tx.Rollback, a context with a deadline for both"},
	Analyzers: cause.Organ{Names: []string{"connleak"}},
}
