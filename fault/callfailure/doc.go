// Package callfailure fails the gRPC calls that the service makes: all of them, a share, or the first so many, after which
// everything works. Each counts as several attempts, as if a naive loop had tried again and again (docs/guide/whitepaper.md §3.2).
//
// It acts before the defenses of the client, so that what it shows is the storm and not what a breaker or a budget would make
// of it; nothing is sent. It needs the client interceptors of adapter/stabilitygrpc.
package callfailure
