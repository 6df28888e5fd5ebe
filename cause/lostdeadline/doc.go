// Package lostdeadline is a root cause (docs/guide/whitepaper.md §3.1): a call that waits longer than anybody waits for it.
//
// # What it is
//
// The deadline of a request is lost on its way: a call is made with context.Background, by an HTTP client without a
// timeout, with a context whose Done is nil (a *gin.Context before gin 1.8), or in another process, for HTTP carries no
// deadline. When the callee hangs, the caller hangs with it, long after its own caller has gone, and holds a
// goroutine, a connection and a place in every queue on the way.
//
// # How it looks
//
// While all is well it does not look at all, and that is the trouble. When a dependency hangs, the oldest attempt in flight
// gets older by a second each second, attempts in flight climb, goroutines and memory follow, and the service is down by
// a dependency that it hardly needs.
//
// # Why these thresholds
//
// The check does not wait for the hang: it counts the attempts made without any deadline. A twentieth of all is
// tolerated, for a long poll or a stream may be meant to last. It is no baseline that decides: a service that has never
// set a deadline is not healthy for that.
//
// # Limits
//
// Only clients that go through signals/httpclient are seen. A deadline that is there but far too long is not caught; the
// signal http.client.request.budget.min tells the shortest.
//
// # Sources
//
// docs/guide/whitepaper.md §3.1; the gRPC protocol's grpc-timeout.
package lostdeadline
