// Package heapgrowth makes the live heap grow: a cache without a bound, a map nobody deletes from, a buffer that a
// goroutine holds on to.
//
// The memory is a chain of records, so that the collector has to visit every one and finds it live, and each is written
// to at both ends, so that by default, at a page each, all of it is resident and not only promised. The chain hangs on
// one pointer: when that is dropped all of it is garbage, and a weak pointer to the oldest record, which every other
// leads to, proves that the collector took the whole chain.
//
// Removal collects garbage at once and returns memory to the system; otherwise a quiet service would keep the grown
// heap for up to two minutes.
package heapgrowth
