// Package lockconvoy makes goroutines queue on one sync.Mutex that is held across a wait (docs/guide/whitepaper.md §2.4): a lock
// around a slow call, a global cache that refreshes under its own lock.
//
// In "goroutines" a fixed crowd convoys by itself, whatever the load. In "requests" the service's own requests take
// the lock before their handler runs: the queue grows as soon as more arrive than the lock lets through, 1/hold per
// second.
//
// sync.Mutex hands over in order once a waiter is a millisecond late, so a convoy keeps itself alive. On removal the
// holder lets go at once and each waiter passes through without holding.
package lockconvoy
