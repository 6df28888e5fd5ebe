package lockconvoy

import (
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
)

// Cause is the catalogue's entry.
var Cause = cause.Cause{
	ID:      "lockconvoy",
	Title:   "Lock convoy",
	Section: "2.4",
	Class:   cause.SharedMemory,
	Checks: []stability.Check{{
		Name: "queueing",
		Expr: "rate(go.mutex.wait[1m]) > 1 && rate(go.mutex.wait[1m]) > 5 * baseline(rate(go.mutex.wait[1m]))",
		For:  time.Minute,
	}},
	Trials: []cause.Trial{{
		Check: "queueing", Fault: "lockconvoy", Params: map[string]string{"hold": "5ms", "waiters": "64"}, Deadline: 5 * time.Minute,
	}},
	Brings:    []string{"slowdown", "overload", "failing"},
	Signals:   cause.Organ{Names: []string{"go.mutex.wait", "go.goroutine.waiting"}},
	Defenses:  cause.Organ{None: "a convoy is mended where it is written: less under the lock, a lock per shard, an atomic"},
	Analyzers: cause.Organ{Names: []string{"lockset", "lockorder"}},
}
