// Package stability watches the promises a Go service makes about its own stability.
//
// A service declares a [Contract]: named conditions that must not hold, such as
// "runtime.NumGoroutine() > 2000". A [Monitor] in its process does five things, each in a room of its own:
//
//	signal     reads the process: goroutines, heap, GC, latency, whatever the service registers
//	expr       judges each check's expression over the recent history of those signals
//	violation  the pure engine of this package turns judgments into Holding, Pending, Violated, Unknown
//	evidence   saves profiles, the flight recorder and the history that led to the violation
//	response   logs, notifies, acts, by strike and only in Enforce mode
//
// Before production does, `stability falsify` (module lab) tries to prove every check wrong: random load must
// not fire it, the fault it exists for must.
//
// The other rooms: health serves /healthz, /livez and /readyz; telemetry exports to Prometheus and slog; cause is
// the catalogue of root causes; fault is what falsify injects, never linked into a production binary;
// stabilitytest is for a service's own tests; auto wires all of it by one line in main.
package stability
