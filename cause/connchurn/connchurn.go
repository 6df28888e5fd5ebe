package connchurn

import (
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
)

// Cause is the catalogue's entry.
var Cause = cause.Cause{
	ID:      "connchurn",
	Title:   "Connection churn",
	Section: "3.3",
	Class:   cause.Exhaustion,
	Checks: []stability.Check{{
		Name: "http",
		Expr: churn("http.client.peer.connection.created", "http.client.peer.request.count"),
		For:  time.Minute,
	}, {
		Name: "grpc",
		Expr: churn("rpc.client.peer.connection.created", "rpc.client.peer.call.count"),
		For:  time.Minute,
	}, {
		Name: "sql",
		Expr: churn("db.client.connection.created", "http.server.request.count"),
		For:  time.Minute,
	}},
	Trials: []cause.Trial{
		{Check: "http", Fault: "connchurn", Deadline: 8 * time.Minute},
		{Check: "grpc", Fault: "connchurn", Params: map[string]string{"where": "grpc"}, Deadline: 8 * time.Minute},
		{Check: "sql", Fault: "connchurn", Params: map[string]string{"where": "query"}, Deadline: 8 * time.Minute},
	},
	Brings: []string{"slowdown", "failing", "startherd"},
	Signals: cause.Organ{Names: []string{"http.client.peer.connection.created", "http.client.peer.request.count",
		"rpc.client.peer.connection.created", "rpc.client.peer.call.count", "db.client.connection.created", "db.client.connection.closed.max_idle", "http.server.request.count"}},
	Defenses:  cause.Organ{Names: []string{"poolsize"}},
	Analyzers: cause.Organ{None: "whether a body is read to its end, and how many connections are used at once, is seen when it runs"},
}

// churn is true while two connections are made in each second, for half of the requests, or for many more of them than usual. Forty
// of them are five that were asked: fewer are no sample.
func churn(made, requests string) string {
	count := func(signal, window string) string { return "increase(" + signal + "[" + window + "])" }
	usual := "baseline(" + count(made, "1m") + ") / max(1, baseline(" + count(requests, "1m") + "))"
	return "rate(" + made + "[4m]) > 2 && " + count(made, "4m") + " > 40 && " +
		count(made, "4m") + " > min(50%, 25% + 3 * " + usual + ") * " + count(requests, "4m")
}
