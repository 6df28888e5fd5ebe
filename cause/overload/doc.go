// Package overload is the root cause behind docs/guide/whitepaper.md §1 (boundaries) and §4.2: more is taken on than can be finished in time.
//
// # What it is
//
// Requests arrive faster than the service finishes them, because there are more of them or because each takes longer. What
// is not finished waits, in goroutines, each with its memory and its caller's patience. A server in Go accepts all of it;
// nothing pushes back before memory or the callers' deadlines do, and by then most of the work is for callers who
// have left.
//
// # How it looks
//
// Requests in flight climb without end while those finished a second stay what they were. Latency is no measure: of the
// requests that never finish it tells nothing.
//
// # Why these thresholds
//
// What waits is compared with what usually waits in this service: five times as much, and twenty more, so that a service
// with one request at a time is not measured by its second. And no more must be finished than usual by a quarter: a
// service that merely does more is well. Twenty seconds tell a burst from a state.
//
// # Limits
//
// A dependency that has become slow looks the same from here, and is overload for whoever waits for it; lostdeadline and the
// dependency's own signals tell the two apart. A service that sheds in time does not come so far: that is the point.
//
// # Sources
//
// docs/guide/whitepaper.md §1; Uber's Cinnamon, CockroachDB's admission control, Netflix
// concurrency-limits and its issues 134 and 165, failsafe-go#127.
package overload
