// Package retrystorm is a root cause (docs/guide/whitepaper.md §3.2): retries that are the load under which a dependency stays down.
//
// # What it is
//
// A dependency fails for a moment, and every caller tries again: three attempts for each call are three times the load, just
// when the dependency can bear it least, and through three layers of services twenty-seven times. What began as a hiccup
// then feeds itself, and outlasts its reason.
//
// # How it looks
//
// Calls to one peer multiply while requests to the service do not, and most of them end with UNAVAILABLE. When the dependency
// comes back, it goes down again at once.
//
// # Why these thresholds
//
// Half as many calls again as usual is more than a retry budget of a tenth ever makes, and less than the second attempt of
// each. That most of them must fail keeps a busy hour from being taken for a storm.
//
// # Limits
//
// Calls are counted where they are made, by adapter/stabilitygrpc; of other clients' retries the service knows nothing. A service
// whose calls all fail from its start has no usual to compare with. The retries that gRPC itself makes by a service config
// are attempts too, and are counted.
//
// # Sources
//
// docs/guide/whitepaper.md §3.2; package defense/retry; Google SRE Book, chapter 22.
package retrystorm
