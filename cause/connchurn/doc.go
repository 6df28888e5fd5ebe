// Package connchurn is a root cause (docs/guide/whitepaper.md §3.3): connections that are made for a request or two and then thrown away.
//
// # What it is
//
// A response whose body is not read to the end, so that its connection cannot be used again; a client or a transport that is
// made for each request; a pool that keeps two idle connections (the default of net/http and of database/sql) where twenty are
// used at once; a lifetime of a few seconds; a balancer in between that closes after each answer.
//
// # How it looks
//
// Nearly as many connections are made as requests. Each costs the handshakes of TCP and TLS, or a process of the
// database, and the port it had is not free for a minute: at some hundreds in a second there are none left, and the dependency, which
// has the same work, is slow before that.
//
// # Why these thresholds
//
// Two new connections in a second, over four minutes and for one more, are the floor: below it churn costs nothing that anybody
// notices. Above it every second request with a connection of its own is churn in any service; and so is a quarter and
// three times the usual, in one that usually does better. Connections to databases are compared with the requests that
// the service serves, because that is what one works for.
//
// # Limits
//
// Of HTTP calls every eighth is looked at, so that the figures are estimates. gRPC keeps a connection by itself, so that churn there is
// a client made for each call, or a server or balancer that sends connections away. What a service
// with short bursts after long pauses makes is counted only if the bursts go on for minutes. A pool needs the driver wrapper of
// signals/sqldb.
//
// # Sources
//
// docs/guide/whitepaper.md §3.3; net/http on Response.Body and DefaultMaxIdleConnsPerHost, database/sql on SetMaxIdleConns.
package connchurn
