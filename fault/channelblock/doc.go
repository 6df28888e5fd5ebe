// Package channelblock makes requests block on a channel that nobody receives from (docs/guide/whitepaper.md §2.3): a worker pool
// whose workers are gone, an event queue without a reader.
//
// It enters requests through the middleware of signals/httpserver, before the service's own handler. A blocked request
// ignores its client going away, as a plain channel send does. On removal every blocked request is received from and
// goes on to its handler as if nothing had been.
package channelblock
