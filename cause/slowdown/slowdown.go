package slowdown

import (
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
)

// Cause is the catalogue's entry.
var Cause = cause.Cause{
	ID:      "slowdown",
	Title:   "Slowdown",
	Section: "1",
	Class:   cause.Exhaustion,
	Checks: []stability.Check{{
		Name: "served",
		Expr: slower("http.server.route.request.duration.p99", "http.server.route.request.count"),
		For:  2 * time.Minute,
	}, {
		Name: "called",
		Expr: slower("http.client.peer.request.duration.p99", "http.client.peer.request.count"),
		For:  2 * time.Minute,
	}, {
		Name: "rpcserved",
		Expr: slower("rpc.server.method.call.duration.p99", "rpc.server.method.call.count"),
		For:  2 * time.Minute,
	}, {
		Name: "rpccalled",
		Expr: slower("rpc.client.peer.call.duration.p99", "rpc.client.peer.call.count"),
		For:  2 * time.Minute,
	}},
	Trials: []cause.Trial{
		{Check: "served", Fault: "slowhandler", Params: map[string]string{"delay": "800ms"}, Deadline: 12 * time.Minute},
		{Check: "called", Fault: "slowcall", Params: map[string]string{"delay": "800ms"}, Deadline: 12 * time.Minute},
		{Check: "rpcserved", Fault: "slowhandler", Params: map[string]string{"where": "grpc", "delay": "800ms"}, Deadline: 12 * time.Minute},
		{Check: "rpccalled", Fault: "slowcall", Params: map[string]string{"where": "grpc", "delay": "800ms"}, Deadline: 12 * time.Minute},
	},
	Brings: []string{"overload", "failing"},
	Signals: cause.Organ{Names: []string{"http.server.route.request.duration.p99", "http.server.route.request.count",
		"http.client.peer.request.duration.p99", "http.client.peer.request.count", "http.server.request.duration.p50", "rpc.server.method.call.duration.p99",
		"rpc.server.method.call.count", "rpc.client.peer.call.duration.p99", "rpc.client.peer.call.count"}},
	Defenses:  cause.Organ{Names: []string{"deadline", "breaker", "bulkhead", "admission"}},
	Analyzers: cause.Organ{None: "what takes long is no matter of source; stability escape and the benchmarks' gate compare a change with what was before"},
}

// slower is true while a latency is three times the usual and a quarter of a second more, in traffic that does not pause.
func slower(latency, count string) string {
	return "quantile_over_time(0.5, " + latency + "[2m]) > 3 * baseline(quantile_over_time(0.5, " + latency + "[1m])) + 250ms && " +
		"min_over_time(rate(" + count + "[1m])[4m:]) > 30/1m"
}
