// Package lockorder finds locks that wait for each other (whitepaper §2.3 and §2.4, demands R33, R41).
//
// It reports a goroutine that locks a mutex it already holds, a second read lock while a writer may stand between (a
// waiting writer holds up new readers, so recursive read locking deadlocks), two goroutines that take two locks in
// opposite order, a lock that a path forgets to release, and a sync.Once that calls itself.
//
// It finds them in two ways. The interleaving search that channelblock describes runs each function with the goroutines
// it starts. And a graph of the package notes, for each lock named by its type and field, which other locks are taken
// while it is held, through calls; two locks taken in both orders are reported, with both places, when it is certain that
// the same two are meant: fields of one value, or package variables. A third lock held both times makes the pair safe.
//
// Mending: take locks in one order, release before calling out, give the callee a variant that expects the lock held.
package lockorder
