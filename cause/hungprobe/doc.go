// Package hungprobe is a root cause (docs/guide/whitepaper.md §4.3): the check behind a probe hangs, and its last good result is
// served for ever.
//
// # What it is
//
// A check waits for a lock, or for a network without a deadline. Libraries that check in the background and cache the
// result go on to answer with the last one; those that check in the probe hang the probe, and a restart follows that
// mends nothing.
//
// # How it looks
//
// The age of the result grows past the period of the check. Readiness says yes, or times out, and neither is true.
//
// # Why these thresholds
//
// A result has an age that it may have: its period and two time-outs. Beyond it nothing is known, and ten seconds
// more make sure that it was no pause of the machine.
//
// # Limits
//
// A check that returns at once and looks at nothing is not seen. A component whose check may take minutes must say so
// by its Timeout.
//
// # Sources
//
// docs/guide/whitepaper.md §4.3; heptiolabs/healthcheck, whose Async keeps the last result;
// rustfs#7950.
package hungprobe
