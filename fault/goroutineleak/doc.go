// Package goroutineleak makes goroutines that wait for something that never comes (docs/guide/whitepaper.md §2.2): a channel nobody
// sends on or closes, a select whose context nobody cancels, a result nobody receives, a timer whose function waits.
//
// The goroutines are real ones parked by the runtime, in the states a dump shows for the real failure: "chan
// receive", "select", "chan send". They leak out of nothing, without any request, which is what tells a leak from
// load.
//
// Limits: the runtime keeps the descriptors of goroutines that have ended for new ones, about 0.6 KiB each, so after
// removal the heap is larger by that much, as it is after any crowd. And the fault must be able to free its
// goroutines, so it keeps their channels reachable, and Go's goroutine leak profile, which looks for unreachable
// ones, rightly does not call them leaked. To wake a goroutine that the profile has marked is fatal to the process
// (runtime.ready throws), so hiding the channels would not be safe.
package goroutineleak
