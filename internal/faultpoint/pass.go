package faultpoint

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// Point is a place that the service's work passes.
type Point uint8

// The points, and who asks there.
const (
	HTTPCall  Point = iota // each attempt that signals/httpclient follows
	HTTPReuse              // the same, afterwards: with an error its connection is not used again
	RPCCall                // each gRPC call that the service makes, by adapter/stabilitygrpc, as it begins: its error is not heard
	RPCReuse               // each answer to one: with an error the connection takes no calls after it
	RPCServe               // each gRPC call that it serves, by adapter/stabilitygrpc, before the handler
	Query                  // each statement that is executed, by signals/sqldb
	Connect                // each connection to a database that is made, by signals/sqldb
	Reuse                  // each connection that is taken from those in stock, by signals/sqldb: with an error it is lost
	points
)

// PassFunc is asked before work goes on. It may wait, no longer than ctx lasts; with an error the work ends with it.
type PassFunc func(ctx context.Context) error

var passes [points]struct {
	mu      sync.Mutex
	all     []*PassFunc
	current atomic.Pointer[PassFunc]
}

// SetPass makes f be asked at a point, until restore. Several are asked in the order in which they were set, up to the
// first error. restore is idempotent.
func SetPass(p Point, f PassFunc) (restore func()) {
	own := &f
	publish := func(change func([]*PassFunc) []*PassFunc) {
		at := &passes[p]
		at.mu.Lock()
		defer at.mu.Unlock()
		at.all = change(slices.Clone(at.all))
		chain := at.all
		if len(chain) == 0 {
			at.current.Store(nil)
			return
		}
		run := PassFunc(func(ctx context.Context) error {
			for _, f := range chain {
				if err := (*f)(ctx); err != nil {
					return err
				}
			}
			return nil
		})
		at.current.Store(&run)
	}
	publish(func(all []*PassFunc) []*PassFunc { return append(all, own) })
	return func() {
		publish(func(all []*PassFunc) []*PassFunc {
			return slices.DeleteFunc(all, func(other *PassFunc) bool { return other == own })
		})
	}
}

// Pass lets the work at a point go on: at once, with one atomic load, while nothing is set.
func Pass(ctx context.Context, p Point) error {
	if f := passes[p].current.Load(); f != nil {
		return (*f)(ctx)
	}
	return nil
}
