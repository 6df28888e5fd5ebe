// Package streamhold opens streams on the service's own gRPC connections and never ends them, until the server's
// MaxConcurrentStreams is used up and every call waits (docs/guide/whitepaper.md §3.2): what a client does that neither reads a stream to its
// end nor cancels its context.
//
// The streams are calls of the method that the service called last, without their message, so that the server's handlers wait
// too. They need a client of adapter/stabilitygrpc that has made a call.
package streamhold
