// Package network puts the dependencies of a service behind proxies whose network can be made to fail.
//
// The proxies are toxiproxy's, in this process, without its HTTP interface. Its own toxics draw from the global random
// source and tell nobody whether they touched anything; ours are seeded and count what they did, which is the witness.
package network

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"github.com/rs/zerolog"

	"github.com/falsifiable/stability/fault"
)

// Proxy stands between the service and one dependency. Safe for concurrent use; close it.
type Proxy struct {
	proxy *toxiproxy.Proxy
}

// Listen starts a proxy to upstream, host:port, on a free port of the loopback interface.
func Listen(name, upstream string) (*Proxy, error) {
	register()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	p := toxiproxy.NewProxy(server, name, "127.0.0.1:0", upstream)
	if err := p.Start(); err != nil {
		return nil, fmt.Errorf("network: proxy of %s: %w", name, err)
	}
	return &Proxy{p}, nil
}

// Address is where the service finds the dependency, host:port.
func (p *Proxy) Address() string { return p.proxy.Listen }

// Close ends the proxy and its connections.
func (p *Proxy) Close() { p.proxy.Stop() }

// Faults returns what can be made to go wrong with the network behind the proxy. The witness of each counts what the
// service really met, so a fault on a dependency that nobody talks to is not taken for one.
func (p *Proxy) Faults() []fault.Fault {
	return []fault.Fault{
		{
			Name: "latency", Title: "network latency",
			Help: "Answers of the dependency arrive later. Reproduces a slow or overloaded dependency.",
			Params: []fault.Param{
				{Name: "delay", Help: "added to each answer", Unit: fault.Seconds, Default: 0.25, Min: 0.001, Max: 60},
				{Name: "jitter", Help: "largest seeded deviation from delay", Unit: fault.Seconds, Default: 0, Min: 0, Max: 60},
			},
			Start: func(_ context.Context, args fault.Args) (fault.Injection, error) {
				return p.inject(&effect{delay: args.Duration("delay"), jitter: args.Duration("jitter"), seed: args.Seed}, "held up", delayType)
			},
		},
		{
			Name: "hang", Title: "hanging network",
			Help: "Answers of the dependency never arrive, and its connections stay open. Reproduces a dead peer or a firewall that drops.",
			Start: func(context.Context, fault.Args) (fault.Injection, error) {
				return p.inject(&effect{}, "swallowed", swallowType)
			},
		},
		{
			Name: "down", Title: "dependency down",
			Help: "Connections to the dependency break and new ones are refused. Reproduces a crashed dependency.",
			Start: func(context.Context, fault.Args) (fault.Injection, error) {
				p.proxy.Stop()
				return &outage{proxy: p.proxy, address: p.proxy.Listen}, nil
			},
		},
	}
}

// effect is what one injected toxic does, and how often it did.
type effect struct {
	delay, jitter time.Duration
	seed          uint64
	links         atomic.Uint64 // connections that met it
	touched       atomic.Int64  // pieces of data
}

// effects finds the effect of a toxic: toxiproxy makes its toxics from JSON, which carries no pointers.
var (
	effects sync.Map // key string → *effect
	lastKey atomic.Uint64
)

const (
	delayType   = "stability_delay"
	swallowType = "stability_swallow"
)

var register = sync.OnceFunc(func() {
	toxics.Register(delayType, new(delayToxic))
	toxics.Register(swallowType, new(swallowToxic))
})

type poison struct {
	proxy  *toxiproxy.Proxy
	effect *effect
	key    string
	verb   string
	remove sync.Once
}

func (p *Proxy) inject(e *effect, verb, kind string) (fault.Injection, error) {
	key := fmt.Sprintf("%s-%d", kind, lastKey.Add(1))
	effects.Store(key, e)
	order, err := json.Marshal(map[string]any{
		"name": key, "type": kind, "stream": "downstream", "toxicity": 1, "attributes": map[string]string{"key": key},
	})
	if err != nil {
		return nil, fmt.Errorf("network: %w", err)
	}
	if _, err := p.proxy.Toxics.AddToxicJson(bytes.NewReader(order)); err != nil {
		return nil, fmt.Errorf("network: %w", err)
	}
	return &poison{proxy: p.proxy, effect: e, key: key, verb: verb}, nil
}

// Witness implements fault.Injection.
func (i *poison) Witness() fault.Witness {
	n := i.effect.touched.Load()
	return fault.Witness{
		Active: n > 0, Value: float64(n),
		Detail: fmt.Sprintf("%d pieces of data %s on %d connections of %s", n, i.verb, i.effect.links.Load(), i.proxy.Name),
	}
}

// Remove implements fault.Injection.
func (i *poison) Remove(ctx context.Context) (residue fault.Residue, err error) {
	i.remove.Do(func() {
		err = i.proxy.Toxics.RemoveToxic(ctx, i.key)
		effects.Delete(i.key)
	})
	return residue, err
}

type outage struct {
	proxy   *toxiproxy.Proxy
	address string
	remove  sync.Once
}

// Witness implements fault.Injection: it tries to connect, as the service would.
func (o *outage) Witness() fault.Witness {
	conn, err := net.DialTimeout("tcp", o.address, time.Second)
	if err == nil {
		conn.Close()
		return fault.Witness{Detail: o.address + " still accepts connections"}
	}
	return fault.Witness{Active: true, Value: 1, Detail: err.Error()}
}

// Remove implements fault.Injection.
func (o *outage) Remove(context.Context) (residue fault.Residue, err error) {
	o.remove.Do(func() { err = o.proxy.Start() })
	return residue, err
}

// delayToxic lets every piece of data through, later.
type delayToxic struct {
	Key string `json:"key"`
}

// GetBufferSize implements toxics.BufferedToxic: data waits here while later data arrives.
func (t *delayToxic) GetBufferSize() int { return 1024 }

// Pipe implements toxics.Toxic. Each connection has a random stream of its own; which connection gets which is up to the
// order in which they are accepted.
func (t *delayToxic) Pipe(stub *toxics.ToxicStub) {
	e := effectOf(t.Key)
	random := rand.New(rand.NewPCG(e.seed, e.links.Add(1)))
	for {
		chunk := next(stub)
		if chunk == nil {
			return
		}
		delay := e.delay
		if e.jitter > 0 {
			delay += time.Duration(random.Int64N(2*int64(e.jitter))) - e.jitter
		}
		timer := time.NewTimer(delay - time.Since(chunk.Timestamp))
		select {
		case <-timer.C:
			e.touched.Add(1)
			stub.Output <- chunk
		case <-stub.Interrupt:
			timer.Stop()
			stub.Output <- chunk // the fault is over; the data is not to be lost
			return
		}
	}
}

// swallowToxic lets nothing through.
type swallowToxic struct {
	Key string `json:"key"`
}

// Pipe implements toxics.Toxic.
func (t *swallowToxic) Pipe(stub *toxics.ToxicStub) {
	e := effectOf(t.Key)
	e.links.Add(1)
	for next(stub) != nil {
		e.touched.Add(1)
	}
}

// Cleanup implements toxics.CleanupToxic: a stream with a hole in it is of no use to anybody.
func (t *swallowToxic) Cleanup(stub *toxics.ToxicStub) { stub.Close() }

// next returns the next piece of data, nil when the connection ends or the toxic is removed.
func next(stub *toxics.ToxicStub) *stream.StreamChunk {
	select {
	case <-stub.Interrupt:
		return nil
	case chunk := <-stub.Input:
		if chunk == nil {
			stub.Close()
		}
		return chunk
	}
}

func effectOf(key string) *effect {
	if e, ok := effects.Load(key); ok {
		return e.(*effect)
	}
	return new(effect) // removed a moment ago
}
