// Package keepalivemismatch is a root cause (docs/guide/whitepaper.md §3.2): a gRPC client that pings more often than its server permits.
//
// # What it is
//
// A client with keepalive sends a ping when its connection has been silent for a while. A server permits one ping in
// MinTime, which is five minutes unless somebody says otherwise. At the third ping too many it sends GOAWAY with
// ENHANCE_YOUR_CALM, "too_many_pings", and closes the connection; whatever is on it fails with UNAVAILABLE. Each side's
// settings look right by themselves.
//
// # How it looks
//
// Nothing happens while there is traffic, because each answer of the server forgives. In quiet hours, on calls and streams
// that are silent for long, connections break about every four times the client's Time: 41 s for a Time of 10 s against
// a MinTime of 30 s. After each, grpc-go doubles its Time, so that the trouble goes away by itself, and is back
// after the next deployment. No connection is left half-open.
//
// # Why these thresholds
//
// The first check compares the two settings, before anything has happened: the server of adapter/stabilitygrpc tells its
// clients what it permits, and for others the service's own configuration says it. The second sees a server that has had
// enough. Both know no number: a server that says so once is right.
//
// # Limits
//
// Without the server's word, what the client was told about it is compared, and that may be wrong. A proxy in between
// has settings of its own. A GOAWAY that a proxy sends in the server's name with another text is counted under
// enhance_your_calm, and not here.
//
// # Sources
//
// docs/guide/whitepaper.md §3.2; gRFC A8 (client-side keepalive) and A9
// (server-side connection management); grpc-go#1686, grpc-go#2202, llm-d-kv-cache#363.
package keepalivemismatch
