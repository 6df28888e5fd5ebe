// Package deadlock is a root cause (docs/guide/whitepaper.md §2.3) in its strict form: goroutines that hold what the others of them
// wait for.
//
// # What it is
//
// Two locks taken in one order here and in the other order there; a lock taken again by who holds it; a read lock taken
// twice with a writer between; a lock held over a send, a receive or a WaitGroup whose other side needs that lock. It takes an
// interleaving that tests rarely hit and load does. Channelblock is the page for a partner that is gone; here
// everybody is present, and nobody can move.
//
// # How it looks
//
// Whatever needs the locks stops for good, and the rest of the service goes on, so error rates stay low and
// liveness probes answer. One request becomes the oldest in flight and stays it: its age grows by a second each
// second. Goroutines pile up behind the locks at the rate of the requests that need them. Go's own "all goroutines
// are asleep" sees only a process in which every goroutine is stuck.
//
// Before production: stability vet finds lock orders that disagree (lockorder) and locks held over channel operations
// (channelblock); stability test drives a project's own tests through schedules in which the circle closes, and
// proves it: lab/schedule/testdata/cause has a program that it must find, and its mended twin.
//
// # Why these thresholds
//
// aging: a slope of 0.95 or more in the age of the oldest request, over two minutes and for one more, says that the very same
// request has been the oldest all that time. Under overload or behind a slow dependency requests still end, the
// oldest is another one each time, and its age levels off. Ten times the service's own normal, and more than one request
// waiting beyond what is usual, keep a batch request or a long poll that takes minutes by design from being reported. Who waits for
// a lock does not compute: with half a processor more in use than usual it is an endlessloop.
//
// proven: the garbage collector has found goroutines that wait for a lock which nothing alive can ever unlock. One is
// enough, for that is not an estimate.
//
// # Limits
//
// aging needs the middleware of signals/httpserver. Streams and uploads under way do not count as waiting, so a deadlock after
// an answer has begun is not seen; requests that are stuck on a dependency that never answers look the same and deserve the
// same look. proven
// needs signals/goroutineleak (Leaks of package auto) in a build with the goroutine leak profile, and sees no circle
// whose locks live objects reach, as those of a package variable or a pool are: for such a one there is aging, and before
// production the CYCLE of stability test. auto leaves out the check whose signals nothing reads.
//
// # Sources
//
// docs/guide/whitepaper.md §2.3; moby#17176, cockroach#9935, grpc-go#1460.
package deadlock
