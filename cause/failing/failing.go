package failing

import (
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
)

// Cause is the catalogue's entry.
var Cause = cause.Cause{
	ID:      "failing",
	Title:   "Failing requests",
	Section: "1",
	Class:   cause.Exhaustion,
	Checks: []stability.Check{{
		Name: "served",
		Expr: more("http.server.request.error.count", "http.server.request.completed"),
		For:  time.Minute,
	}, {
		Name: "called",
		Expr: more("http.client.peer.request.error.count", "http.client.peer.request.count"),
		For:  time.Minute,
	}, {
		Name: "rpcserved",
		Expr: more("rpc.server.call.error.count", "rpc.server.call.completed"),
		For:  time.Minute,
	}, {
		Name: "rpccalled",
		Expr: more("rpc.client.peer.call.error.count", "rpc.client.peer.call.count"),
		For:  time.Minute,
	}},
	Trials: []cause.Trial{
		{Check: "served", Fault: "servererror", Deadline: 8 * time.Minute},
		{Check: "called", Fault: "callfailure", Params: map[string]string{"where": "http"}, Deadline: 8 * time.Minute},
		{Check: "rpcserved", Fault: "servererror", Params: map[string]string{"where": "grpc"}, Deadline: 8 * time.Minute},
		{Check: "rpccalled", Fault: "callfailure", Params: map[string]string{"where": "grpc", "attempts": "1"}, Deadline: 8 * time.Minute},
	},
	Signals: cause.Organ{Names: []string{"http.server.request.error.count", "http.server.request.completed",
		"http.client.peer.request.error.count", "http.client.peer.request.count", "http.client.error.count", "rpc.server.call.error.count", "rpc.server.call.completed",
		"rpc.client.peer.call.error.count", "rpc.client.peer.call.count", "rpc.server.error.count", "rpc.client.error.count"}},
	Defenses:  cause.Organ{Names: []string{"breaker", "retry", "deadline"}},
	Analyzers: cause.Organ{None: "that something fails is seen when it does; what brings the process down has analyzers of its own"},
}

// more is true while more of all fail than usual: in the last five minutes, and still in the last one.
func more(failed, all string) string {
	count := func(signal, window string) string { return "increase(" + signal + "[" + window + "])" }
	usual := "baseline(" + count(failed, "1m") + ") / max(1, baseline(" + count(all, "1m") + "))"
	return count(failed, "5m") + " > 20 && " + count(failed, "5m") + " > (5% + 3 * " + usual + ") * " + count(all, "5m") + " && " +
		count(failed, "1m") + " > 5% * " + count(all, "1m")
}
