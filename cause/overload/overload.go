package overload

import (
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
)

// Cause is the catalogue's entry.
var Cause = cause.Cause{
	ID:      "overload",
	Title:   "Overload",
	Section: "1",
	Class:   cause.Exhaustion,
	Checks: []stability.Check{{
		Name: "queueing",
		Expr: "http.server.request.waiting > 5 * baseline(http.server.request.waiting) + 20 && " +
			"rate(http.server.request.completed[1m]) < 1.25 * baseline(rate(http.server.request.completed[1m]))",
		For: 20 * time.Second,
	}},
	Trials: []cause.Trial{{
		Check: "queueing", Fault: "slowhandler", Params: map[string]string{"delay": "4s", "jitter": "none"}, Deadline: 5 * time.Minute,
	}},
	Brings:    []string{"goroutineleak", "slowdown", "failing", "poolexhaustion", "gcstorm", "lockconvoy"},
	Signals:   cause.Organ{Names: []string{"http.server.request.waiting", "http.server.request.completed", "http.server.request.count", "admission.shed", "admission.limit", "bulkhead.rejected"}},
	Defenses:  cause.Organ{Names: []string{"admission", "bulkhead", "deadline"}},
	Analyzers: cause.Organ{None: "capacity is no matter of source"},
}
