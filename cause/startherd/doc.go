// Package startherd is a root cause (docs/guide/whitepaper.md §1): all instances fall on a dependency at once, and keep it from
// starting.
//
// # What it is
//
// A database restarts, or a whole fleet does. Everybody lost everything at the same moment and comes back at the same
// moment: all connections, all caches, all retries in step. The pool of database/sql has no pause of its own: while
// the database is down, each request makes an attempt to connect.
//
// # How it looks
//
// Attempts to connect that fail, hundreds in a second for each instance, as long as the dependency is away, and
// longer for them.
//
// # Why these thresholds
//
// Whoever pauses between attempts, as every client should, fails to connect about once a second at most. Two in a
// second, for a minute, is a loop without a pause, or a pool that makes a connection for each request.
//
// # Limits
//
// It needs the driver wrapper of signals/sqldb. Herds of other clients are seen by the signals of those clients.
// Instances that ask in step, but not often, are not seen in one of them: scatter the start (package health) and the
// attempts (defense/reconnect).
//
// # Sources
//
// docs/guide/whitepaper.md §1; Slack's outage of 2022-02-22; Google's of 2025-06-12, whose restart had no backoff.
package startherd
