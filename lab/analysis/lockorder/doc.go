// Package lockorder finds locks that wait for each other (docs/guide/whitepaper.md §2.3 and §2.4).
//
// It reports a goroutine that locks a mutex it already holds, a second read lock while a writer may stand between (a
// waiting writer holds up new readers, so recursive read locking deadlocks), goroutines that take two, three or four locks in
// orders which contradict each other, a lock that a path forgets to release, "defer w.Unlock()" right after the Lock of another
// one, and a sync.Once that calls itself.
//
// It finds them in three ways. The interleaving search that channelblock describes runs each function with the goroutines
// it starts. And a graph of the package notes, for each lock named by its type and field, which other locks are taken
// while it is held, through calls; a ring of them is reported, with all its places, when the same locks are meant: fields of
// one value, or a package variable with either. A further lock held at two places of the ring makes it safe. Readers alone
// make a ring only where somebody also writes: a writer that waits holds up new readers.
//
// And each function is asked at which of its returns it still holds a lock that it has taken itself and releases on other
// paths. Branches that ask the same go the same way. One that is there to take the lock is left alone: it returns a function,
// or it holds the lock where it succeeds and not where it fails, or some other function releases what it has not taken, or
// code of other packages can. A path on which the program, the goroutine or the test ends keeps nothing, which is computed
// from what is called there. A panic under a lock that no defer releases is reported where a request is served: whoever serves
// it recovers.
//
// Mending: take locks in one order, release before calling out, give the callee a variant that expects the lock held.
package lockorder
