// Package channelblock finds channel operations that block forever (docs/guide/whitepaper.md §2.3).
//
// A send without a receiver, a receive from a channel that nobody sends on or closes, a WaitGroup that never comes to
// zero, a Cond that nobody signals: each leaves a goroutine behind for the life of the process. The usual forms are an
// early return or a timeout while a worker still sends on an unbuffered channel, a range over a channel whose producer
// forgets to close it on an error, a lock held over a send, and a Wait inside the loop that should start the workers. A token
// of a semaphore that is not given back on some path, and the result of a singleflight whose function ended its goroutine, are
// waited for just as long. It also reports what panics (a send on a closed channel, a negative counter), and an Add of a
// WaitGroup in a goroutine whose starter may have passed its Wait by then.
//
// The analyzer runs each function of the package that starts goroutines or makes channels on abstract values, with all
// goroutines it starts, and searches the interleavings, the shortest departures from the usual order first. What
// comes from outside of the package is unknown and always lets a goroutine go on; so a report needs no assumption
// about unseen code. A goroutine is stuck when nothing that still runs can reach what it waits for, which is the
// rule of the runtime's goroutine leak profile. The message names the places where goroutines are stuck and the path
// that leads there: g0 is the function itself, g1 and so on the goroutines in the order of their start.
//
// A select without default and a channel that is never closed are not reported as such: both are ordinary Go. They are
// reported when they block.
//
// The search is bounded: loops that start goroutines by the hundred are run for two copies, slices of unknown length
// have at most two elements, and each package gets about a second. A bug beyond the bounds is missed.
//
// Mending: give the result channel a buffer of one for each sender, add a case on ctx.Done() to the send, close the
// channel in the producer by defer, or release the lock before the send.
package channelblock
