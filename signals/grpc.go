package signals

import "time"

// GRPCClient declares the client's signals of module adapter/stabilitygrpc, in its order. A call is one attempt: what
// gRPC or a retry tries again is another. A peer is a dependency, by the name that the service gives it.
func GRPCClient() []Desc {
	g := func(name string, unit Unit, kind Kind, help string, labels ...string) Desc {
		return Desc{Name: name, Unit: unit, Kind: kind, Help: help, Labels: labels, Source: "stabilitygrpc", Cost: 20 * time.Nanosecond}
	}
	active := g("rpc.client.peer.active_streams", Count, Gauge, "Streams open to the peer, a unary call being one too.", "peer")
	active.Bound = "rpc.client.peer.max_streams"
	return []Desc{
		g("rpc.client.call.count", Count, Counter, "Calls begun."),
		g("rpc.client.call.completed", Count, Counter, "Calls that are over."),
		g("rpc.client.call.error.count", Count, Counter, "Calls that ended with UNAVAILABLE, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, INTERNAL, UNKNOWN or DATA_LOSS: the peer is in trouble. NOT_FOUND and the like are answers."),
		g("rpc.client.error.count", Count, Counter, "Calls that did not end with OK, by code.", "code"),
		g("rpc.client.call.unbounded.count", Count, Counter, "Calls made without any deadline (whitepaper §3.1)."),
		g("rpc.client.call.oldest", Seconds, Gauge, "Age of the oldest call in flight, 0 when there is none."),
		g("rpc.client.call.duration.p50", Seconds, Gauge, "Median latency of the calls that ended since the last reading that saw one."),
		g("rpc.client.call.duration.p99", Seconds, Gauge, "99th percentile of the latency of the calls that ended since the last reading that saw one."),
		g("rpc.client.peer.call.count", Count, Counter, "Calls begun, by peer.", "peer"),
		g("rpc.client.peer.call.error.count", Count, Counter, "Calls that ended with a code that means trouble, by peer.", "peer"),
		g("rpc.client.peer.unavailable.count", Count, Counter, "Calls that ended with UNAVAILABLE, by peer.", "peer"),
		active,
		g("rpc.client.peer.max_streams", Count, Gauge, "Streams that may be open at once on the connections that are: the sum of what the server of each allows (MAX_CONCURRENT_STREAMS). Absent while there is no connection, or one without a limit.", "peer"),
		g("rpc.client.peer.waiting", Count, Gauge, "Calls that have begun and have no stream yet: there is no connection, or all its streams are taken.", "peer"),
		g("rpc.client.peer.connections", Count, Gauge, "Open connections.", "peer"),
		g("rpc.client.peer.state", Count, Gauge, "State of the channel, the worst if there are several: 0 idle, 1 connecting, 2 ready, 3 transient failure. From worst to best: 3, 1, 0, 2.", "peer"),
		g("rpc.client.peer.goaway.count", Count, Counter, "Connections that the server asked to leave, by reason: too_many_pings, enhance_your_calm, graceful, error (whitepaper §3.2).", "peer", "reason"),
		g("rpc.client.peer.call.oldest", Seconds, Gauge, "Age of the oldest call in flight, by peer.", "peer"),
		g("rpc.client.peer.call.duration.p99", Seconds, Gauge, "99th percentile of latency since the last reading that saw one, by peer.", "peer"),
		g("rpc.client.peer.keepalive.time", Seconds, Gauge, "How long a connection is silent before the client pings. Absent when it does not.", "peer"),
		g("rpc.client.peer.keepalive.permitted", Seconds, Gauge, "Least time between pings that the server permits, as configured or as the server itself has said. Absent while it is not known.", "peer"),
	}
}

// GRPCServer declares the server's signals of module adapter/stabilitygrpc, in its order.
func GRPCServer() []Desc {
	g := func(name string, unit Unit, kind Kind, help string, labels ...string) Desc {
		return Desc{Name: name, Unit: unit, Kind: kind, Help: help, Labels: labels, Source: "stabilitygrpc", Cost: 20 * time.Nanosecond}
	}
	busiest := g("rpc.server.connection.busiest", Count, Gauge, "Calls under way on the connection that has most of them.")
	busiest.Bound = "rpc.server.connection.max_streams"
	return []Desc{
		g("rpc.server.call.count", Count, Counter, "Calls begun."),
		g("rpc.server.call.completed", Count, Counter, "Calls that are over."),
		g("rpc.server.call.error.count", Count, Counter, "Calls that ended with a code that means trouble, as in rpc.client.call.error.count."),
		g("rpc.server.error.count", Count, Counter, "Calls that did not end with OK, by code.", "code"),
		g("rpc.server.active_handlers", Count, Gauge, "Calls under way, with the goroutine of each. One that its client has given up stays until its handler returns."),
		g("rpc.server.max_handlers", Count, Gauge, "Most calls that may be under way, on all connections together."),
		g("rpc.server.rejected", Count, Counter, "Calls turned away with RESOURCE_EXHAUSTED because that many were."),
		g("rpc.server.connections", Count, Gauge, "Open connections."),
		busiest,
		g("rpc.server.connection.max_streams", Count, Gauge, "Most calls that may be under way on one connection: MaxConcurrentStreams."),
		g("rpc.server.goaway.count", Count, Counter, "Connections that the server asked its client to leave, by reason: too_many_pings, enhance_your_calm, graceful, error.", "reason"),
		g("rpc.server.keepalive.min_time", Seconds, Gauge, "Least time between pings that the server permits."),
		g("rpc.server.call.oldest", Seconds, Gauge, "Age of the oldest call under way, 0 when there is none."),
		g("rpc.server.call.duration.p50", Seconds, Gauge, "Median latency of the calls that ended since the last reading that saw one."),
		g("rpc.server.call.duration.p99", Seconds, Gauge, "99th percentile of the latency of the calls that ended since the last reading that saw one."),
		g("rpc.server.method.call.count", Count, Counter, "Calls begun, by method.", "method"),
		g("rpc.server.method.call.error.count", Count, Counter, "Calls that ended with a code that means trouble, by method.", "method"),
		g("rpc.server.method.active_handlers", Count, Gauge, "Calls under way, by method.", "method"),
		g("rpc.server.method.call.duration.p99", Seconds, Gauge, "99th percentile of latency since the last reading that saw one, by method.", "method"),
	}
}
