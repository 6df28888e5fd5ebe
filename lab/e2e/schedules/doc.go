// Package schedules tries stability test on other people's libraries: in the last version that had a known bug it must find
// it, in one without it must stay silent.
//
//	hashicorp/golang-lru         0.5.4   1.0.2   the eviction callback runs under the cache's lock
//	x/sync/semaphore             2019-09 2020-06 a waiter that gives up does not let those behind it go
//	x/sync/singleflight          2020-06 0.7.0   a function that ends its goroutine leaves all others waiting
//	benbjohnson/clock, AfterFunc 1.3.0   1.3.5   a timer may fire before its function is set
//	benbjohnson/clock, After     1.3.3   1.3.5   the time is read outside of the lock
//	jonboulle/clockwork          0.2.2   0.2.3   who blocks until there are two sleepers misses the moment, when there are three
//	coocood/freecache            1.0.1   1.1.0   TTL reads without the lock
//	jellydator/ttlcache/v3       3.3.0   3.4.0   RangeBackwards reads without the lock
//
// The tests are what a user of the library would write; none of them was tuned. Each is a module of its own in
// testdata, so that their versions never come into this module's go.mod. docs/guide/test.md has the pairs on which
// stability test finds nothing.
package schedules
