package signals

import "time"

// GRPCClient are the client's signals of module adapter/stabilitygrpc. A call is one attempt: what
// gRPC or a retry tries again is another. A peer is a dependency, by the name that the service gives it.
var GRPCClient = struct {
	Calls, Completed, Errors, ErrorsByCode, Unbounded, Oldest, P50, P99, PeerCalls, PeerErrors, PeerUnavailable, PeerActive, PeerMaxStreams, PeerWaiting, PeerConnections, PeerDialed, PeerState, PeerGoAways, PeerOldest, PeerP99, PeerKeepalive, PeerPermitted *Signal
}{
	Calls:           grpc("rpc.client.call.count", Count, Counter, "Calls begun."),
	Completed:       grpc("rpc.client.call.completed", Count, Counter, "Calls that are over."),
	Errors:          grpc("rpc.client.call.error.count", Count, Counter, "Calls that ended with UNAVAILABLE, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, INTERNAL, UNKNOWN or DATA_LOSS: the peer is in trouble. NOT_FOUND and the like are answers."),
	ErrorsByCode:    grpc("rpc.client.error.count", Count, Counter, "Calls that did not end with OK, by code.", "code"),
	Unbounded:       grpc("rpc.client.call.unbounded.count", Count, Counter, "Calls made without any deadline."),
	Oldest:          grpc("rpc.client.call.oldest", Seconds, Gauge, "Age of the oldest call in flight, 0 when there is none."),
	P50:             grpc("rpc.client.call.duration.p50", Seconds, Gauge, "Median latency of the unary calls that ended since the last reading that saw one."),
	P99:             grpc("rpc.client.call.duration.p99", Seconds, Gauge, "99th percentile of the latency of the unary calls that ended since the last reading that saw one."),
	PeerCalls:       grpc("rpc.client.peer.call.count", Count, Counter, "Calls begun, by peer.", "peer"),
	PeerErrors:      grpc("rpc.client.peer.call.error.count", Count, Counter, "Calls that ended with a code that means trouble, by peer.", "peer"),
	PeerUnavailable: grpc("rpc.client.peer.unavailable.count", Count, Counter, "Calls that ended with UNAVAILABLE, by peer.", "peer"),
	PeerActive:      grpc("rpc.client.peer.active_streams", Count, Gauge, "Streams open to the peer, a unary call being one too.", "peer").boundedBy("rpc.client.peer.max_streams"),
	PeerMaxStreams:  grpc("rpc.client.peer.max_streams", Count, Gauge, "Streams that may be open at once on the connections that are: the sum of what the server of each allows (MAX_CONCURRENT_STREAMS). Absent while there is no connection, or one without a limit.", "peer"),
	PeerWaiting:     grpc("rpc.client.peer.waiting", Count, Gauge, "Calls that have begun and have no stream yet: there is no connection, or all its streams are taken.", "peer"),
	PeerConnections: grpc("rpc.client.peer.connections", Count, Gauge, "Open connections.", "peer"),
	PeerDialed:      grpc("rpc.client.peer.connection.created", Count, Counter, "Connections made.", "peer"),
	PeerState:       grpc("rpc.client.peer.state", Count, Gauge, "State of the channel, the worst if there are several: 0 idle, 1 connecting, 2 ready, 3 transient failure. From worst to best: 3, 1, 0, 2.", "peer"),
	PeerGoAways:     grpc("rpc.client.peer.goaway.count", Count, Counter, "Connections that the server asked to leave, by reason: too_many_pings, enhance_your_calm, graceful, error.", "peer", "reason"),
	PeerOldest:      grpc("rpc.client.peer.call.oldest", Seconds, Gauge, "Age of the oldest call in flight, by peer.", "peer"),
	PeerP99:         grpc("rpc.client.peer.call.duration.p99", Seconds, Gauge, "99th percentile of the latency of the unary calls that ended since the last reading that saw one, by peer.", "peer"),
	PeerKeepalive:   grpc("rpc.client.peer.keepalive.time", Seconds, Gauge, "How long a connection is silent before the client pings. Absent when it does not.", "peer"),
	PeerPermitted:   grpc("rpc.client.peer.keepalive.permitted", Seconds, Gauge, "Least time between pings that the server permits, as configured or as the server itself has said. Absent while it is not known.", "peer"),
}

// GRPCServer are the server's signals of module adapter/stabilitygrpc.
var GRPCServer = struct {
	Calls, Completed, Errors, ErrorsByCode, Active, MaxHandlers, Rejected, Connections, Busiest, MaxStreams, GoAways, MinTime, Oldest, P50, P99, MethodCalls, MethodErrors, MethodActive, MethodP99 *Signal
}{
	Calls:        grpc("rpc.server.call.count", Count, Counter, "Calls begun."),
	Completed:    grpc("rpc.server.call.completed", Count, Counter, "Calls that are over."),
	Errors:       grpc("rpc.server.call.error.count", Count, Counter, "Calls that ended with a code that means trouble, as in rpc.client.call.error.count."),
	ErrorsByCode: grpc("rpc.server.error.count", Count, Counter, "Calls that did not end with OK, by code.", "code"),
	Active:       grpc("rpc.server.active_handlers", Count, Gauge, "Calls under way, with the goroutine of each. One that its client has given up stays until its handler returns."),
	MaxHandlers:  grpc("rpc.server.max_handlers", Count, Gauge, "Most calls that may be under way, on all connections together."),
	Rejected:     grpc("rpc.server.rejected", Count, Counter, "Calls turned away with RESOURCE_EXHAUSTED because that many were."),
	Connections:  grpc("rpc.server.connections", Count, Gauge, "Open connections."),
	Busiest:      grpc("rpc.server.connection.busiest", Count, Gauge, "Calls under way on the connection that has most of them.").boundedBy("rpc.server.connection.max_streams"),
	MaxStreams:   grpc("rpc.server.connection.max_streams", Count, Gauge, "Most calls that may be under way on one connection: MaxConcurrentStreams."),
	GoAways:      grpc("rpc.server.goaway.count", Count, Counter, "Connections that the server asked its client to leave, by reason: too_many_pings, enhance_your_calm, graceful, error.", "reason"),
	MinTime:      grpc("rpc.server.keepalive.min_time", Seconds, Gauge, "Least time between pings that the server permits."),
	Oldest:       grpc("rpc.server.call.oldest", Seconds, Gauge, "Age of the oldest call under way, 0 when there is none."),
	P50:          grpc("rpc.server.call.duration.p50", Seconds, Gauge, "Median latency of the unary calls that ended since the last reading that saw one."),
	P99:          grpc("rpc.server.call.duration.p99", Seconds, Gauge, "99th percentile of the latency of the unary calls that ended since the last reading that saw one."),
	MethodCalls:  grpc("rpc.server.method.call.count", Count, Counter, "Calls begun, by method.", "method"),
	MethodErrors: grpc("rpc.server.method.call.error.count", Count, Counter, "Calls that ended with a code that means trouble, by method.", "method"),
	MethodActive: grpc("rpc.server.method.active_handlers", Count, Gauge, "Calls under way, by method.", "method"),
	MethodP99:    grpc("rpc.server.method.call.duration.p99", Seconds, Gauge, "99th percentile of the latency of the unary calls that ended since the last reading that saw one, by method.", "method"),
}

func grpc(name string, unit Unit, kind Kind, help string, labels ...string) *Signal {
	return Declare(Desc{Name: name, Unit: unit, Kind: kind, Labels: labels, Help: help, Source: "stabilitygrpc", Cost: 20 * time.Nanosecond})
}
