package keepalivemismatch

import (
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
)

// Cause is the catalogue's entry.
var Cause = cause.Cause{
	ID:      "keepalivemismatch",
	Title:   "Keepalive mismatch",
	Section: "3.2",
	Class:   cause.Exhaustion,
	Checks: []stability.Check{
		{Name: "pair", Expr: "rpc.client.peer.keepalive.time < rpc.client.peer.keepalive.permitted"},
		{Name: "pings", Expr: `increase(rpc.client.peer.goaway.count{reason="too_many_pings"}[30s]) > 0 || increase(rpc.client.peer.goaway.count{reason="too_many_pings"}[5m]) > 0`},
	},
	Trials: []cause.Trial{
		{Check: "pings", Fault: "goawaystorm", Deadline: 5 * time.Minute},
		{Check: "pair", Fault: "goawaystorm", Deadline: 5 * time.Minute},
	},
	Brings:    []string{"failing", "retrystorm", "slowdown"},
	Signals:   cause.Organ{Names: []string{"rpc.client.peer.keepalive.time", "rpc.client.peer.keepalive.permitted", "rpc.client.peer.goaway.count", "rpc.server.keepalive.min_time", "rpc.server.goaway.count"}},
	Defenses:  cause.Organ{None: "a mismatch is refused at the start: Keepalive.Validate of adapter/stabilitygrpc, which makes the options of both ends from one statement"},
	Analyzers: cause.Organ{Names: []string{"keepalivemismatch"}},
}
