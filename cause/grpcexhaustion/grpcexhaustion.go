package grpcexhaustion

import (
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
)

// Cause is the catalogue's entry.
var Cause = cause.Cause{
	ID:      "grpcexhaustion",
	Title:   "gRPC stream exhaustion",
	Section: "3.2",
	Class:   cause.Exhaustion,
	Checks: []stability.Check{{
		Name: "streams",
		Expr: "rpc.client.peer.active_streams > 95% * rpc.client.peer.max_streams && rpc.client.peer.waiting > 0",
		For:  30 * time.Second,
	}},
	Trials:    []cause.Trial{{Check: "streams", Fault: "streamhold", Deadline: 5 * time.Minute}},
	Brings:    []string{"slowdown", "overload", "failing", "deadlock"},
	Signals:   cause.Organ{Names: []string{"rpc.client.peer.active_streams", "rpc.client.peer.max_streams", "rpc.client.peer.waiting", "rpc.client.peer.call.oldest"}},
	Defenses:  cause.Organ{Names: []string{"breaker", "bulkhead", "deadline"}},
	Analyzers: cause.Organ{None: "how many calls are under way at once is not written in the source; lostdeadline finds those that may wait for ever"},
}
