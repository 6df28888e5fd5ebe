// Package channelblock is a root cause (docs/guide/whitepaper.md §2.3): goroutines that wait for each other, or for a channel that
// nobody serves any more.
//
// # What it is
//
// A cyclic wait over channels, locks and pools; a lock held over a send whose receiver needs that lock; a callback into
// the event loop that calls it; a queue whose only consumer has stopped. Requests go in and none comes out. Go's own
// "all goroutines are asleep" sees only a process in which every goroutine is stuck, which no server ever is.
//
// # How it looks
//
// Requests come in and wait, the oldest of them grows older by a second each second, and none is completed. CPU is idle.
// The goroutine profile shows the same "chan send" or "sync.Mutex.Lock" stack for minutes.
//
// Before production, stability test drives a project's own tests through schedules in which it comes out, and proves it.
// lab/schedule/testdata/cause has a program that it must find, and its mended twin on which it must be silent.
//
// # Why these thresholds
//
// The check knows no number that would have to be guessed: it is violated when requests wait, further ones came in for a
// whole minute, and none got done. A slow dependency completes something in a minute; a deadlock never does. A server whose
// only client holds a stream of events, a download, an upload or a long poll has nothing waiting, or nothing coming in.
//
// # Limits
//
// It needs the middleware of signals/httpserver. A partial block, one route or one share of the requests, is hidden by
// those that pass: watch http.server.request.oldest for it. One that comes after the answer has begun is not seen, nor
// one after which no further request arrives. Whether a lost partner is provable depends on reachability: a cycle among live
// objects is not in the goroutine leak profile.
//
// # Sources
//
// docs/guide/whitepaper.md §2.3; moby#35453, hpcloud/tail#75.
package channelblock
