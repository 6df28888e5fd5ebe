package goroutines

import (
	"slices"
	"strings"
)

// hint is what goroutines usually suffer from that wait in a function of a library.
type hint struct {
	function string // a prefix
	likely   string
	cause    string // of the catalogue, "" if it has none; a test of lab/leaks holds the names to it
}

// hints are looked through for each frame, from where the goroutine waits to the first that is not of the standard library.
var hints = []hint{
	{"database/sql.(*DB).conn", "all connections of the pool are taken: one that is not given back, or a pool that is too small", "poolexhaustion"},
	{"database/sql.(*Tx).awaitDone", "a transaction that is neither committed nor rolled back, in a context that does not end", "connleak"},
	{"database/sql.(*Rows).awaitDone", "rows that are not closed, in a context that does not end", "connleak"},
	{"net/http.(*Transport).getConn", "no connection to the peer: MaxConnsPerHost is reached, or the peer does not answer", "poolexhaustion"},
	{"net/http.(*persistConn).roundTrip", "a peer that does not answer a request without a deadline", "lostdeadline"},
	{"net/http.(*http2clientStream)", "a peer that does not answer a request without a deadline", "lostdeadline"},
	{"net/http.(*persistConn).readLoop", "connections of an HTTP client: idle ones, or a response whose body is not closed", "connchurn"},
	{"net/http.(*persistConn).writeLoop", "connections of an HTTP client: idle ones, or a response whose body is not closed", "connchurn"},
	{"net/http.(*connReader).backgroundRead", "a request that is being served: its handler has not returned", ""},
	{"net/http.(*conn).serve", "clients that keep their connections; IdleTimeout of http.Server ends idle ones", ""},
	{"golang.org/x/sync/semaphore.", "a semaphore that nobody releases: an early return without Release", "channelblock"},
	{"golang.org/x/sync/singleflight.", "one call that does not return, and all who share it", "lostdeadline"},
	{"google.golang.org/grpc.(*clientStream)", "a gRPC peer that does not answer a call without a deadline", "lostdeadline"},
	{"google.golang.org/grpc.newClientStream", "no connection to the gRPC peer, or no stream left on it", "grpcexhaustion"},
}

// atLibrary says what a goroutine suffers from by the library's function in which it waits; "" if that says nothing.
func atLibrary(s Stack) (likely, cause string) {
	for _, f := range s.Frames {
		for _, h := range hints {
			if strings.HasPrefix(f.Func, h.function) {
				return h.likely, h.cause
			}
		}
		if !isStandard(f.Func) {
			break
		}
	}
	return "", ""
}

// fromState says what a group likely suffers from by its state, its age and its growth. What is neither suspect nor has waited for a
// minute suffers from nothing that could be seen.
func (g *Group) fromState() (likely, cause string) {
	if g.Leaked {
		return "leaked: nothing that runs can reach what they wait for", "goroutineleak"
	}
	if !g.Suspect && (g.risk != Suspect || g.Wait == 0) {
		return "", ""
	}
	switch State(g.State) {
	case ChanReceive, ChanSend, Select:
		if g.Suspect {
			return "a leak: each was started, and its partner is gone or was never to come", "goroutineleak"
		}
		return "a partner that does not come, or workers that have nothing to do", "channelblock"
	case ChanReceiveNil, ChanSendNil, SelectNoCases:
		return "a leak: nothing can ever wake them", "goroutineleak"
	case MutexLock, RWMutexLock, RWMutexRLock, Semacquire:
		if g.Wait > 0 {
			return "a lock that has been held for a minute or more: a deadlock, or a lock that is held while something is waited for", "deadlock"
		}
		return "a queue at a lock: too much is done while it is held", "lockconvoy"
	case WaitGroupWait, CondWait:
		return "a Done, Signal or Broadcast that does not come: look for a panic or an early return before it", "channelblock"
	}
	return "", ""
}

// Causes returns the root causes of the catalogue that [Group.Cause] may be, each once, sorted.
func Causes() []string {
	ids := []string{"goroutineleak", "channelblock", "deadlock", "lockconvoy"} // of fromState
	for _, h := range hints {
		if h.cause != "" {
			ids = append(ids, h.cause)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
