// Package goawaystorm makes the servers that the service calls by gRPC want their connections gone, again and again: each
// connection in its turn reads GOAWAY and then its end, so that the calls on it fail with UNAVAILABLE and the client has to
// connect anew (docs/guide/whitepaper.md §3.2). With the reason too_many_pings, the servers also say that they permit fewer
// pings than any client makes, as after a change of theirs that nobody told the service about.
//
// The frames are those that a server sends, put into what the connection reads; the client's transport cannot tell. It needs
// the credentials of adapter/stabilitygrpc and something to read, that is: load.
package goawaystorm
