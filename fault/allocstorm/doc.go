// Package allocstorm makes the garbage collector work (docs/guide/whitepaper.md §2.5): short-lived buffers in every request on top
// of a large live heap full of pointers.
//
// A collection costs what is live and comes as often as garbage makes up as much as that, so the collector's CPU time
// is the allocation rate times the cost of visiting a live byte, and the size of the live heap cancels out. The fault
// therefore keeps a tree of small nodes, linked in random order so that visiting one misses the cache, and allocates
// large buffers without pointers, which cost the program little and the collector much.
//
// It changes neither GOGC nor GOMEMLIMIT: a defense that does must meet the fault as a service would cause it.
package allocstorm
