// Package poolexhaustion is a root cause (docs/guide/whitepaper.md §3.3): more callers than database connections.
//
// # What it is
//
// All connections that the pool may open are in use, and callers queue. The pool is too small for its load, a query has
// become slow, connections leak, or a transaction holds its connection while it waits for another service.
//
// # How it looks
//
// Connections in use stand at the maximum; the number of waits climbs. Latency climbs by the wait, in every handler that
// needs the database at all, while the database itself looks idle.
//
// # Why these thresholds
//
// More connections in use than the maximum can never be true: database/sql does not open more than it may. What
// tells a pool that is well used from one that is too small is whether callers wait; what tells a burst from a state is
// time. So: all in use, callers waiting, and that for half a minute.
//
// # Limits
//
// A pool without a maximum is never exhausted; it exhausts the database instead. A pool that is worked to capacity on
// purpose, by workers that are meant to wait, is reported.
//
// # Sources
//
// docs/guide/whitepaper.md §3.3.
package poolexhaustion
