package channelblock

import (
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
)

// Cause is the catalogue's entry.
var Cause = cause.Cause{
	ID:      "channelblock",
	Title:   "Channel block",
	Section: "2.3",
	Class:   cause.Blocked,
	Checks: []stability.Check{{
		Name: "noprogress",
		Expr: "http.server.request.waiting > 0 && rate(http.server.request.count[1m]) > 0 && rate(http.server.request.completed[1m]) == 0",
		For:  time.Minute,
	}},
	Trials: []cause.Trial{{
		Check: "noprogress", Fault: "channelblock", Deadline: 5 * time.Minute,
	}},
	Brings:    []string{"overload", "goroutineleak", "slowdown", "failing", "deadlock"},
	Signals:   cause.Organ{Names: []string{"http.server.request.waiting", "http.server.request.count", "http.server.request.completed", "http.server.request.oldest"}},
	Defenses:  cause.Organ{None: "a cyclic wait is mended where it is written: an order of locks, a timeout on every wait, no lock over I/O or a send"},
	Analyzers: cause.Organ{Names: []string{"channelblock", "lockorder"}},
}
