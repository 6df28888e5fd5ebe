// Package lockconvoy is a root cause (docs/guide/whitepaper.md §2.4) as it shows in production: everybody queues on one lock.
//
// # What it is
//
// A mutex that is held across something slow (I/O, a log write, an allocation-heavy loop) or taken on every request becomes
// the service's only lane. Misuse of sync.Mutex has a second face, the data race, which corrupts silently and is
// found by go test -race and by stability vet, not by watching a process.
//
// # How it looks
//
// The time that goroutines spend waiting for locks grows faster than the clock: with ten goroutines in the queue, ten
// seconds of waiting pass each second. Latency grows with the queue, CPU does not.
//
// Before production, stability test drives a project's own tests through schedules in which it comes out, and proves a lock that is never given back, and with -race reports a counter outside of it.
// lab/schedule/testdata/cause has a program that it must find, and its mended twin on which it must be silent.
//
// # Why these thresholds
//
// One second of waiting per second means that at every moment a goroutine stood in line, on average; five times the
// service's own normal keeps a lock that is busy by design from being reported. It must last for a minute.
//
// # Limits
//
// The runtime counts waiting by sampling one goroutine in eight, so short spans are noisy, and it counts its own internal
// locks too. Waiting in a channel used as a lock is not counted. Which lock it is tells the mutex profile in the
// evidence, if runtime.SetMutexProfileFraction is on.
//
// # Sources
//
// docs/guide/whitepaper.md §2.4; gin#700, milvus#48393.
package lockconvoy
