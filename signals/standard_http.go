package signals

import "time"

// HTTPServer are the signals of package signals/httpserver. The plain names cover all
// routes, because a contract usually means the whole server; those with route in their name come one per route.
var HTTPServer = struct {
	Requests, Completed, Errors, Active, Waiting, Oldest, P50, P99, RouteRequests, RouteErrors, RouteActive, RouteP99 *Signal
}{
	Requests:      httpServer("http.server.request.count", Count, Counter, "Requests begun."),
	Completed:     httpServer("http.server.request.completed", Count, Counter, "Requests answered."),
	Errors:        httpServer("http.server.request.error.count", Count, Counter, "Requests answered with a status of 500 or above, or by a panic."),
	Active:        httpServer("http.server.active_requests", Count, Gauge, "Requests in flight."),
	Waiting:       httpServer("http.server.request.waiting", Count, Gauge, "Requests in flight whose answer has not begun: streams and downloads under way are not among them."),
	Oldest:        httpServer("http.server.request.oldest", Seconds, Gauge, "Age of the oldest request that waits for its answer to begin, 0 when there is none. An upload is as old as the last of its body that was read."),
	P50:           httpServer("http.server.request.duration.p50", Seconds, Gauge, "Median latency of the requests answered since the last reading that saw one."),
	P99:           httpServer("http.server.request.duration.p99", Seconds, Gauge, "99th percentile of the latency of the requests answered since the last reading that saw one."),
	RouteRequests: httpServer("http.server.route.request.count", Count, Counter, "Requests answered, by route: the route of one in flight is for certain only when it is answered.", "route"),
	RouteErrors:   httpServer("http.server.route.request.error.count", Count, Counter, "Requests answered with a status of 500 or above, by route.", "route"),
	RouteActive:   httpServer("http.server.route.active_requests", Count, Gauge, "Requests in flight, by route.", "route"),
	RouteP99:      httpServer("http.server.route.request.duration.p99", Seconds, Gauge, "99th percentile of latency since the last reading that saw one, by route.", "route"),
}

func httpServer(name string, unit Unit, kind Kind, help string, labels ...string) *Signal {
	return Declare(Desc{Name: name, Unit: unit, Kind: kind, Labels: labels, Help: help, Source: "httpserver", Cost: 20 * time.Nanosecond})
}

// HTTPClient are the signals of package signals/httpclient. An attempt is one request on the wire: a
// retry is another. The plain names cover all peers.
var HTTPClient = struct {
	Requests, Completed, Errors, ErrorsByClass, Unbounded, Connections, BudgetMin, Active, Oldest, P50, P99, PeerRequests, PeerErrors, PeerUnbounded, PeerConnections, PeerBudgetMin, PeerActive, PeerOldest, PeerP99 *Signal
}{
	Requests:        httpClient("http.client.request.count", Count, Counter, "Attempts begun."),
	Completed:       httpClient("http.client.request.completed", Count, Counter, "Attempts that are over: failed, or their response's body read to its end or closed."),
	Errors:          httpClient("http.client.request.error.count", Count, Counter, "Attempts which failed, or were answered with a status of 500 or above."),
	ErrorsByClass:   httpClient("http.client.error.count", Count, Counter, "Failed attempts by class: timeout, canceled, dial, reset, 5xx, other.", "class"),
	Unbounded:       httpClient("http.client.request.unbounded.count", Count, Counter, "Attempts made without any deadline."),
	Connections:     httpClient("http.client.connection.created", Count, Counter, "Connections made for attempts, as every eighth attempt tells: eight for each that found none to use again."),
	BudgetMin:       httpClient("http.client.request.budget.min", Seconds, Gauge, "Least time that an attempt begun since the last reading had left, 0 when its deadline had passed; absent without an attempt that has a deadline."),
	Active:          httpClient("http.client.active_requests", Count, Gauge, "Attempts in flight, those included whose response's body is neither read to its end nor closed."),
	Oldest:          httpClient("http.client.request.oldest", Seconds, Gauge, "Age of the oldest attempt in flight, 0 when there is none."),
	P50:             httpClient("http.client.request.duration.p50", Seconds, Gauge, "Median time to the response's header, or to the failure, of the attempts since the last reading that saw one."),
	P99:             httpClient("http.client.request.duration.p99", Seconds, Gauge, "99th percentile of the time to the response's header, or to the failure, since the last reading that saw one."),
	PeerRequests:    httpClient("http.client.peer.request.count", Count, Counter, "Attempts begun, by peer.", "peer"),
	PeerErrors:      httpClient("http.client.peer.request.error.count", Count, Counter, "Attempts which failed, or were answered with a status of 500 or above, by peer.", "peer"),
	PeerUnbounded:   httpClient("http.client.peer.request.unbounded.count", Count, Counter, "Attempts made without any deadline, by peer.", "peer"),
	PeerConnections: httpClient("http.client.peer.connection.created", Count, Counter, "Connections made for attempts, as every eighth attempt tells, by peer.", "peer"),
	PeerBudgetMin:   httpClient("http.client.peer.request.budget.min", Seconds, Gauge, "Least time that an attempt begun since the last reading had left, by peer.", "peer"),
	PeerActive:      httpClient("http.client.peer.active_requests", Count, Gauge, "Attempts in flight, by peer.", "peer"),
	PeerOldest:      httpClient("http.client.peer.request.oldest", Seconds, Gauge, "Age of the oldest attempt in flight, by peer.", "peer"),
	PeerP99:         httpClient("http.client.peer.request.duration.p99", Seconds, Gauge, "99th percentile of the time to the response's header since the last reading that saw one, by peer.", "peer"),
}

func httpClient(name string, unit Unit, kind Kind, help string, labels ...string) *Signal {
	return Declare(Desc{Name: name, Unit: unit, Kind: kind, Labels: labels, Help: help, Source: "httpclient", Cost: 20 * time.Nanosecond})
}
