// Package grpcexhaustion is a root cause (docs/guide/whitepaper.md §3.2): more gRPC calls than the connection has streams.
//
// # What it is
//
// A server allows each connection a number of calls at a time, MaxConcurrentStreams, and a client has one connection to each
// address. When calls take longer than usual, or streams are opened and forgotten, all streams are taken, and the client's
// further calls wait inside of it, without any error and for as long as their contexts allow. There is no pool of
// connections that one could look at, and no setting of the client.
//
// # How it looks
//
// Latency climbs in the client and not in the server, whose CPU idles. Calls end with DEADLINE_EXCEEDED that the server has
// never seen.
//
// # Why these thresholds
//
// More than 95 % of the streams are open (docs/guide/whitepaper.md §3.2). A connection that is well used is no trouble, so calls
// must be waiting besides, and for half a minute, because a burst is none either.
//
// # Limits
//
// The limit is what the server says at the beginning of the connection; one that says nothing has none, and is exhausted in
// other ways. A long-lived stream, such as a watch, takes a place for good and rightly counts.
//
// # Sources
//
// docs/guide/whitepaper.md §3.2; RFC 9113 §5.1.2; CVE-2023-44487.
package grpcexhaustion
