// Package lockset finds variables that a lock guards in some places and not in others (docs/guide/whitepaper.md §2.1 and §2.4).
//
// It reports
//
//   - a package variable or a field whose every write holds one lock, the same one, and which is read or written
//     elsewhere without it, such as a counter that is read plainly. The mends, best first: take the lock there too (the suggested fix);
//     make the variable an atomic type, if it stands alone; an RWMutex only if reads dominate and are long. To put an entry
//     into a map, to delete one, and to clear the map, are writes of the variable that holds it.
//   - a variable that is written under a read lock, where others take the whole lock for it: two readers may write at once.
//   - a variable that is accessed by sync/atomic in one place and plainly in another: mixing them is a data race, also when
//     only the read is plain.
//   - a loop that spins on a plain variable, "for ready == 0 {}": the compiler may read it once.
//
// A method whose every caller in the package holds the lock counts as holding it, and so does one whose name ends in
// Locked; a deferred call holds what is held when it runs. A function whose value is taken (w.do(w.reset)) runs under locks
// that nobody knows, and is left alone, unless the value is started as a goroutine or serves HTTP requests. Free are accesses
// to a value that the same function, a constructor or all its callers have just made, until a goroutine or a map knows it;
// those in the function that makes the lock; those by a sync.Once; those after a Wait, or after a receive where goroutines
// were started; and what happens while the package is initialized. A map that is handed on without a look into it is no
// access to its entries. Variables with one guarded access only are not judged, apart from package variables with a lock
// beside them, and flags that are looked at right before the lock.
package lockset
