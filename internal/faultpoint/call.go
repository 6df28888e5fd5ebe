package faultpoint

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// CallFunc is asked before each call that the service makes by adapter/stabilitygrpc, before its defenses. With an error the
// call ends with it, after that many attempts that all failed, and nothing is sent.
type CallFunc func() (attempts int, err error)

// GoAwayFunc is asked before each read from a gRPC client's connection, by adapter/stabilitygrpc. If it hits, the client
// reads a GOAWAY frame of that code and debug data, and then the end of the connection.
type GoAwayFunc func() (code uint32, debug string, hit bool)

// PermittedFunc tells how often gRPC servers permit their clients to ping, whatever they say.
type PermittedFunc func() time.Duration

var (
	calls     latest[CallFunc]
	goAways   latest[GoAwayFunc]
	permitted latest[PermittedFunc]
)

// SetCall makes f decide on each call that the service makes, until restore. As with all of these, of several the latest
// decides, and restore is idempotent.
func SetCall(f CallFunc) (restore func()) { return calls.set(f) }

// Call returns what decides on a call, nil for nothing.
func Call() CallFunc { return calls.get() }

// SetGoAway makes f decide on the connections of gRPC clients, until restore.
func SetGoAway(f GoAwayFunc) (restore func()) { return goAways.set(f) }

// GoAway returns what decides on the connections of gRPC clients, nil for nothing.
func GoAway() GoAwayFunc { return goAways.get() }

// SetPermitted makes f tell how often gRPC servers permit a ping, until restore.
func SetPermitted(f PermittedFunc) (restore func()) { return permitted.set(f) }

// Permitted returns what tells how often gRPC servers permit a ping, nil for the servers themselves.
func Permitted() PermittedFunc { return permitted.get() }

// latest holds functions of which the one set last counts.
type latest[F any] struct {
	mu      sync.Mutex
	all     []*F
	current atomic.Pointer[F]
}

func (l *latest[F]) set(f F) (restore func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	own := &f
	l.all = append(l.all, own)
	l.current.Store(own)
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.all = slices.DeleteFunc(l.all, func(other *F) bool { return other == own })
		if n := len(l.all); n > 0 {
			l.current.Store(l.all[n-1])
		} else {
			l.current.Store(nil)
		}
	}
}

func (l *latest[F]) get() (f F) {
	if p := l.current.Load(); p != nil {
		f = *p
	}
	return f
}
