// Package cpuquota is the root cause behind docs/guide/whitepaper.md §1 (GOMAXPROCS): the kernel stops the container for the rest of each period.
//
// # What it is
//
// A CPU limit is a quota of time a period, 100 ms as a rule. A process that runs on more CPUs at once than the quota pays for
// has used it up before the period ends, and is stopped, all of its threads, until the next: the collector in the
// middle of its work, a lock in somebody's hands, the probe unanswered.
//
// # How it looks
//
// Latencies in steps of the period, timers that come late, probes that time out at a CPU use that looks harmless on
// average. The CPU profile shows nothing, for a thread that is stopped takes none.
//
// # Why these thresholds
//
// A period in which the container was throttled is late by part of a period; a quarter of all of them is what callers feel. The
// count is the kernel's own. A minute of it tells a start, which compiles and fills caches, from a state.
//
// # Limits
//
// Without a quota there is nothing to count, and the check is left out. A batch program that is meant to use up its
// quota is reported; it wants a threshold of its own.
//
// # Sources
//
// docs/guide/whitepaper.md §1; the release notes of Go 1.25 on GOMAXPROCS.
package cpuquota
