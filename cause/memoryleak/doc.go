// Package memoryleak is the root cause behind docs/guide/whitepaper.md §4.2: the heap that is still in use after a collection grows without end.
//
// # What it is
//
// A map that is only ever written to, a cache without a bound, a timer or a subscription per request that nobody takes back,
// the slice that keeps the array behind it, the goroutine that keeps all of its stack (see goroutineleak).
//
// # How it looks
//
// What the collector finds live climbs, from collection to collection, while the traffic stays what it is. The heap's size
// itself saws up and down between collections and says little. At the end the collector runs all the time against the
// memory limit, or the kernel kills (see gcstorm and oomkill).
//
// # Why these thresholds
//
// The trend is that of the live heap over ten minutes, by a test that one odd reading does not move, and it must have led
// somewhere: to twice what the service usually keeps and 64 MiB more. A small service may double three times over without a
// word. It must still go on: the mean of the last five minutes is above that of ten by a hundredth, and by more than what was
// allocated in them, which stands for the traffic, of whatever kind, and explains what grows with it. (A slope would be the median of slopes; what is live changes only with a collection, and
// of a few steps most slopes are zero.)
//
// The level is what Go itself is told to stay below: with three quarters of GOMEMLIMIT live after a collection, a quarter is left for
// all garbage, and the collector takes four times the work of a heap that may double.
//
// # Limits
//
// A cache that fills long after the start, to more than what the service held otherwise, is reported while it fills. A
// leak of less than a hundredth of the heap in three minutes is left to the level and to the heap profile. Package auto has the level only in a
// process with a memory limit: set GOMEMLIMIT, or start defense/memlimit before it.
//
// # Sources
//
// docs/guide/whitepaper.md §4.2; Mann (1945), Kendall (1975), Sen (1968).
package memoryleak
