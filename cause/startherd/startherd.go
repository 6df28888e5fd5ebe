package startherd

import (
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
)

// Cause is the catalogue's entry.
var Cause = cause.Cause{
	ID:      "startherd",
	Title:   "Start herd",
	Section: "1",
	Class:   cause.Exhaustion,
	Checks: []stability.Check{{
		Name: "dialing",
		Expr: "rate(db.client.connection.create.error.count[1m]) > 120/1m",
	}},
	Trials:    []cause.Trial{{Check: "dialing", Fault: "connrefused", Deadline: 3 * time.Minute}},
	Brings:    []string{"failing", "slowdown", "connchurn"},
	Signals:   cause.Organ{Names: []string{"db.client.connection.create.error.count", "db.client.connection.created", "db.client.connection.max"}},
	Defenses:  cause.Organ{Names: []string{"reconnect", "retry"}},
	Analyzers: cause.Organ{None: "a connection that is made for each request looks like any other in the source"},
}
