// Package slowhandler delays requests before the service's own handler runs: a slow disk, a slow downstream, a
// page fault storm, seen from the client.
//
// Each request waits by itself and holds no lock, so a delay of 100 ms stays one of 100 ms under any concurrency.
// A request whose client goes away stops waiting.
package slowhandler
