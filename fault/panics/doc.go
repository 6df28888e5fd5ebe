// Package panics panics: in a share of the requests, where net/http recovers and drops the connection, or in a
// goroutine without a recover, where the process dies with its stacks on standard error, as any Go program does.
package panics
