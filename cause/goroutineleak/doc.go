// Package goroutineleak is a root cause (docs/guide/whitepaper.md §2.2): goroutines whose partner is gone.
//
// # What it is
//
// A goroutine waits for something that can no longer happen: a receive from a channel nobody will send to or close, a
// send whose receiver has returned early (the timeout with an unbuffered result channel), a select without the
// context that was to end it, a WaitGroup that never reaches zero. It stays for as long as the process, with its
// stack and all that it references. A leak is age and no progress, never a count alone: ten thousand goroutines may be
// ten thousand clients.
//
// # How it looks
//
// The number of goroutines climbs at the rate of whatever leaks, without more traffic to explain it; nearly all of the new
// ones are waiting, in one place. The heap's live set climbs with it. Nothing else shows for hours, but
// perhaps a jump of the CPU. The evidence of a violation names the place: the most frequent stack is
// its signature, and on toolchains with the goroutine leak profile that profile proves the leak by reachability.
//
// Before production, stability test drives a project's own tests through schedules in which it comes out, and proves it.
// lab/schedule/testdata/cause has a program that it must find, and its mended twin on which it must be silent.
//
// # Why these thresholds
//
// The check wants growth that is both steady (a robust slope over five minutes, so that a burst that comes and goes does
// not count) and large against the service's own normal, taken after warm-up. A hundred a minute is a fifth of
// the five hundred that docs/guide/whitepaper.md §5 allows, because a slope over five minutes needs less margin than a difference over one. A flood of
// requests, or requests that are stuck, trip it too: overload and deadlock are violated then, and are named as likelier.
//
// What the garbage collector has proven leaked needs no growth and no baseline: it is leaked for ever. More than five of one
// place are a leak that goes on; fewer may be the select without cases in which a main function rests, and that of each
// server beside it. Goroutines that wait for a lock are left to cause deadlock.
//
// # Limits
//
// A service that gains a thousand long-lived connections within minutes of its warm-up, and keeps them, looks the same:
// give it the rule that allows for more requests (stability-contract's goroutine_growth_per_min). A leak
// below a hundred a minute is left to the leak profile and to a ceiling such as runtime.NumGoroutine() > 2000. The leak
// profile needs Go 1.27, or Go 1.26 built with GOEXPERIMENT=goroutineleakprofile, and auto.Config.Leaks.
//
// # Sources
//
// docs/guide/whitepaper.md §2.2; hellofresh/health-go#224, kubernetes#70207, etcd#18704.
package goroutineleak
