// Package connchurn keeps a service from using its connections again: each HTTP request that it makes is the last one on its
// connection, each answer to a gRPC call is followed by a GOAWAY, as from a server that ends gracefully, or each connection to a
// database is lost when it is next used. Nothing fails; whatever is asked takes a
// connection of its own, with its handshakes, its descriptor, and a port that is not free again for a minute.
//
// That is what a body does which nobody reads to the end, a client that is made for each request, a pool that keeps fewer
// idle connections than are used at once, or a balancer that closes after each answer.
package connchurn
