// Package slowcall delays the calls that a service makes: a dependency that has become slow, seen from within.
//
// Each call waits by itself, no longer than its context lasts, and is then made as it would have been. Places in pools and
// bulkheads are held meanwhile, as they are while a real dependency is slow.
package slowcall
