// Package stability watches the promises a Go service makes about its own stability.
//
// A service declares a [Contract]: named conditions that must not hold, such as "runtime.NumGoroutine() > 2000". A
// [Monitor] in its process samples, judges, saves evidence and tells responders. Most services start all of it by one line:
//
//	watch, err := auto.Start(ctx, auto.Config{Service: "payment"}) // github.com/falsifiable/stability/auto
//
// This package is what lies below: [RegisterContract] in an init function, or [NewMonitor] with [Monitor.Attach],
// [Monitor.Register] and [Monitor.Start]. It imports the standard library only, and so does everything in this module:
// importing it moves none of a service's versions.
//
// Before production does, the command stability falsify tries to prove every check wrong: random load must not fire it, the
// fault it exists for must. What it learns is committed as falsification.json and embedded by [Contract.Falsification].
//
// # A reading's way
//
//	signals    reads the process: goroutines, heap, GC, latency, whatever the service registers
//	expr       judges each check's expression over the recent history of those signals
//	stability  the engine of this package turns judgments into Holding, Pending, Violated, Unknown
//	evidence   saves profiles, the flight recorder and the history that led to the violation
//	response   logs, notifies, acts, by strike and only in Enforce mode
//
// # The other rooms
//
//	defense        breaker, bulkhead, retry budget, deadline, pool size, memory limit: each usable alone
//	health         /healthz, /livez, /readyz, /startupz
//	cause          the catalogue of root causes, each with its stock contract
//	stabilitytest  for a service's own tests: leaks, contracts against random load
//	fault          what falsify injects: production rooms have hooks for it, an atomic load each, and nothing sets them
//	auto           the one-line start (a module of its own)
//	telemetry      Prometheus and OpenTelemetry (a module of its own)
//
// [Simulation] and [Recording] are for tools: they run the same engine in a time of their own.
package stability
