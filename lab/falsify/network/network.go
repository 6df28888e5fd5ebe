// Package network puts the dependencies of a service behind proxies whose network can be made to fail.
//
// Why not toxiproxy? To remove a fault, it waits, with a lock held, for every connection that the fault holds up; where
// the client has given up or does not read, it waits forever. This proxy is two hundred lines. Its faults are seeded,
// count what they did, which is their witness, and end at once.
package network

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/falsifiable/stability/fault"
)

// Faults returns what can be made to go wrong with the network behind the proxy. The witness of each counts what the
// service really met, so a fault on a dependency that nobody talks to does not count as one that took effect.
func (p *Proxy) Faults() []fault.Fault {
	return []fault.Fault{
		{
			Name: "latency", Title: "network latency",
			Help: "Answers of the dependency arrive later. Reproduces a slow or overloaded dependency.",
			Params: []fault.Param{
				{Name: "delay", Help: "added to each answer", Unit: fault.Seconds, Default: 0.25, Min: 0.001, Max: 60},
				{Name: "jitter", Help: "largest seeded deviation from delay", Unit: fault.Seconds, Default: 0, Min: 0, Max: 60},
			},
			Start: func(ctx context.Context, args fault.Args) (fault.Injection, error) {
				return p.inject(ctx, &effect{delay: args.Duration("delay"), jitter: args.Duration("jitter"), seed: args.Seed}, "held up")
			},
		},
		{
			Name: "hang", Title: "hanging network",
			Help: "Answers of the dependency never arrive, and its connections stay open. Reproduces a dead peer or a firewall that drops.",
			Start: func(ctx context.Context, _ fault.Args) (fault.Injection, error) {
				return p.inject(ctx, &effect{swallow: true}, "swallowed")
			},
		},
		{
			Name: "down", Title: "dependency down",
			Help: "Connections to the dependency break and new ones are refused. Reproduces a crashed dependency.",
			Start: func(context.Context, fault.Args) (fault.Injection, error) {
				p.shut()
				return &outage{proxy: p}, nil
			},
		},
	}
}

// effect is what one injected fault does to answers, and how often it did.
type effect struct {
	delay, jitter time.Duration
	swallow       bool
	seed          uint64
	removed       chan struct{} // closed when the fault is over
	links         atomic.Uint64 // connections that met it
	touched       atomic.Int64  // pieces of data
}

// draw returns the delay of one piece.
func (e *effect) draw(random *rand.Rand) time.Duration {
	if e.jitter <= 0 {
		return e.delay
	}
	return e.delay + time.Duration(random.Int64N(2*int64(e.jitter))) - e.jitter
}

// poison is an effect at work.
type poison struct {
	proxy  *Proxy
	effect *effect
	verb   string
	end    func()
}

// inject applies the effect to all answers until it is removed or ctx is done. Of several effects the latest applies.
func (p *Proxy) inject(ctx context.Context, e *effect, verb string) (fault.Injection, error) {
	e.removed = make(chan struct{})
	p.effect.Store(e)
	i := &poison{proxy: p, effect: e, verb: verb}
	i.end = sync.OnceFunc(func() {
		p.effect.CompareAndSwap(e, nil)
		close(e.removed)
	})
	context.AfterFunc(ctx, i.end)
	return i, nil
}

// Witness implements fault.Injection.
func (i *poison) Witness() fault.Witness {
	n := i.effect.touched.Load()
	return fault.Witness{
		Active: n > 0, Value: float64(n),
		Detail: fmt.Sprintf("%d pieces of data %s on %d connections of %s", n, i.verb, i.effect.links.Load(), i.proxy.name),
	}
}

// Remove implements fault.Injection. It waits for nobody.
func (i *poison) Remove(context.Context) (residue fault.Residue, err error) {
	i.end()
	return residue, nil
}

type outage struct {
	proxy  *Proxy
	remove sync.Once
}

// Witness implements fault.Injection: it tries to connect, as the service would.
func (o *outage) Witness() fault.Witness {
	conn, err := net.DialTimeout("tcp", o.proxy.address, time.Second)
	if err == nil {
		conn.Close()
		return fault.Witness{Detail: o.proxy.address + " still accepts connections"}
	}
	return fault.Witness{Active: true, Value: 1, Detail: err.Error()}
}

// Remove implements fault.Injection.
func (o *outage) Remove(context.Context) (residue fault.Residue, err error) {
	o.remove.Do(func() { err = o.proxy.open() })
	return residue, err
}
