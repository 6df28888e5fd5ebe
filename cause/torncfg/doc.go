// Package torncfg is a root cause (docs/guide/whitepaper.md §4.1): configuration is read while it is written.
//
// # What it is
//
// In memory: a map or a struct that is changed in place while requests read it, which in Go is a race, and for a map
// a fatal error. On disk: a file that is written in place, so that a reader finds the first half of it, which in YAML
// and TOML is often a valid file with settings missing. Across two reads: a request that reads a limit from one
// generation and the list that it belongs to from the next.
//
// # How it looks
//
// Two looks at the file, milliseconds apart, see a file that grows. Settings are at their defaults for a moment. In
// memory nothing looks at all, until the race detector or a crash does.
//
// # Why these thresholds
//
// A file that is replaced by a rename is never seen to grow, so one such look in five minutes already says that
// whoever writes it does not do it by a rename.
//
// # Limits
//
// Only files of defense/hotconfig are looked at, and what was half written between two looks is not seen. What is
// torn in memory is found by the analyzer, and ruled out by snapshots; what is torn across two reads is ruled out by
// pinning a request to one.
//
// # Sources
//
// docs/guide/whitepaper.md §4.1; koanf#323; mtail#195.
package torncfg
