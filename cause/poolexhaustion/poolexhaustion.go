package poolexhaustion

import (
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
)

// Cause is the catalogue's entry.
var Cause = cause.Cause{
	ID:      "poolexhaustion",
	Title:   "Pool exhaustion",
	Section: "3.3",
	Class:   cause.Exhaustion,
	Checks: []stability.Check{{
		Name: "waiting",
		Expr: "db.client.connection.in_use >= db.client.connection.max && rate(db.client.connection.wait.count[1m]) > 0",
		For:  30 * time.Second,
	}},
	Trials: []cause.Trial{{
		Check: "waiting", Fault: "rowleak", Params: map[string]string{"by": "conn", "rate": "100"}, Deadline: 5 * time.Minute,
	}},
	Brings:    []string{"channelblock", "deadlock", "overload", "slowdown", "failing", "goroutineleak"},
	Signals:   cause.Organ{Names: []string{"db.client.connection.in_use", "db.client.connection.max", "db.client.connection.wait.count", "db.client.connection.wait.mean"}},
	Defenses:  cause.Organ{Names: []string{"poolsize", "bulkhead", "deadline"}},
	Analyzers: cause.Organ{Names: []string{"connleak"}},
}
