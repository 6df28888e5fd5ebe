// Package agent takes orders to inject faults, in a service that stability falsify has started.
//
// falsify lays one line into the service's main package, var _ = agent.Start(), by go build -overlay. Without
// STABILITY_AGENT_SOCKET in its environment that line does nothing at all. With it the agent serves the protocol of
// package fault over HTTP on a Unix socket that only its own user can reach.
//
// A fault lives on a lease: each request renews it, and when falsify is gone the faults go too. An order's limit ends
// them whatever happens.
//
// While it waits the agent is one sleeping goroutine and one open descriptor, so that a run with it and without a
// fault is an honest comparison.
package agent
