// Package keepalivemismatch finds gRPC keepalive parameters that the peer will punish (docs/guide/whitepaper.md §3.2).
//
// A server closes a connection with GOAWAY (ENHANCE_YOUR_CALM, "too_many_pings") when a client pings more often than
// the server's keepalive.EnforcementPolicy allows; all calls in flight fail with UNAVAILABLE. Without a policy the server's
// MinTime is five minutes.
//
// The analyzer compares the constant parameters of clients and servers of one program: those of the package and, through
// facts, of all packages that it imports; in package main also those that meet nowhere else. A field may be set in the
// literal or by an assignment later; what is only known at run time is no reason for a report. It reports a client whose Time is below the MinTime of a server, a client that
// pings without streams where a server does not permit it, a client Time below ten seconds, which grpc-go raises to ten,
// and a client with a Time below five minutes in a program whose servers set no policy.
package keepalivemismatch
