// Package earlyready is a root cause (docs/guide/whitepaper.md §4.3): an instance gets requests before its start is complete.
//
// # What it is
//
// The readiness probe asks whether something listens, or a health endpoint says yes as soon as the process runs.
// Caches are cold, connections are yet to be made, routes are not loaded; the load balancer sends a full share of the
// requests at that moment.
//
// # How it looks
//
// Errors and slow answers for the first minute of each instance, at each deployment and each restart, and nothing
// between. Requests are counted that came while a needed component had never been healthy.
//
// # Why these thresholds
//
// An instance whose probes are right gets none: whoever sends requests asks first. A hundredth leaves room for a
// probe that goes through the same handler, and for whoever knows the address by heart.
//
// # Limits
//
// It needs components, which say what the start consists of, and the admission of package health around the handler;
// auto wires both. What no component checks is not known to be cold. Requests in the first minute of the process are
// seen when the window of five minutes has filled.
//
// # Sources
//
// docs/guide/whitepaper.md §4.3; the readiness probes of Kubernetes; block/buzz#7341.
package earlyready
