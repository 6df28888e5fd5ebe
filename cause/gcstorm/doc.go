// Package gcstorm is a root cause (docs/guide/whitepaper.md §2.5): garbage collection takes the CPU that requests need.
//
// # What it is
//
// Allocation or the live heap rises (labels without bound, hostile input, a cache without a limit, a batch job beside the
// requests) and the collector follows: it marks more often or has more to mark. Goroutines that allocate are made to
// assist it. Near a memory limit it runs without pause, which the runtime bounds at half of the CPU.
//
// # How it looks
//
// Not by long pauses, as in a JVM: Go's collector is not generational and its pauses stay below a
// millisecond even then (the pause ratio never passed 0.06 in a sweep in which the collector took three
// quarters of the CPU). What tells is the collector's share of the CPU, go.gc.cpu_ratio, and behind it latency.
//
// # Why these thresholds
//
// 12 % is what docs/guide/whitepaper.md §2.5 asks for, read as a share of CPU, over a minute and for three periods in a row. A share of
// little is harmless, so the collector must also take 3 % of the CPU that the process may use: healthy services
// were seen at 12 % of their own CPU and under 2 % of the machine's. A baseline would be no help, for a
// service that hardly collects learns it from the first storm.
//
// # Limits
//
// The runtime publishes these times at the end of each collection: a service that does not collect has no reading, and
// its check is Unknown rather than Holding. A service that always collects much, by choice of a small GOGC, and is busy
// besides, is reported and wants a threshold of its own.
//
// # Sources
//
// docs/guide/whitepaper.md §2.5; golang/go#56966, #58106.
package gcstorm
