// Package endlessloop is the other half of docs/guide/whitepaper.md §2.3: requests that make no progress because they compute for ever.
//
// # What it is
//
// A loop whose exit an input never reaches, a list that has become a ring, a retry without a pause against what answers at once, a
// parser or a regular expression that one input drives wild. A context does not help: nobody asks it. Each such request takes
// a processor until the process ends, and the rest of the service shares what is left.
//
// # How it looks
//
// As a deadlock does from outside: the oldest request grows old by a second in each second. But a processor is busy, and in the
// evidence its stack is running, and never waits.
//
// # Why these thresholds
//
// The requests are those of cause deadlock, by the same conditions. What tells the two apart is the CPU time of the process: half a
// processor more than usual is a loop, less is a wait. So each of the two checks is silent under the other's fault.
//
// # Limits
//
// In a container with less than half a processor, or on a machine where the process gets that little, a loop is called a
// deadlock. One request alone that loops is not reported, as one long request is not.
//
// # Sources
//
// docs/guide/whitepaper.md §2.3.
package endlessloop
