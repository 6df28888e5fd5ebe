package stabilitygrpc

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/stats"

	"github.com/falsifiable/stability/defense"
	"github.com/falsifiable/stability/defense/retry"
	"github.com/falsifiable/stability/internal/capped"
	"github.com/falsifiable/stability/internal/faultpoint"
	"github.com/falsifiable/stability/signals"
)

// ClientConfig configures a [Client]. The zero value is useful.
type ClientConfig struct {
	// MaxPeers caps the peers that have readings of their own; the rest share those of [signals.Other]. A peer whose
	// connections were all closed leaves its place to one that is dialed. Defaults to 32.
	MaxPeers int
}

// Client follows the calls that a service makes by gRPC and is the [signals.Source] of [signals.GRPCClient]. One Client
// serves all of a service's connections. Safe for concurrent use. Make one with [NewClient].
type Client struct {
	epoch time.Time
	peers *capped.Set[peer]
	codes [codeCount]atomic.Uint64

	unbounded atomic.Uint64
	survey    survey // belongs to the sampling goroutine
	folding   bool   // the peer "other" has come into use; belongs to it too

	mu   sync.Mutex
	gone reading // what peers counted that have lost their place
}

// NewClient returns a client that has seen no call.
func NewClient(config ClientConfig) *Client {
	c := &Client{
		epoch: time.Now(),
		peers: capped.New(cmp.Or(max(config.MaxPeers, 0), 32), newPeer(signals.Other), newPeer),
	}
	c.peers.Evict(capped.Eviction[peer]{Idle: (*peer).closed, Evicted: c.retire})
	return c
}

// retire keeps what a peer has counted in the sums, which must not fall.
func (c *Client) retire(p *peer) {
	p.calls.mu.Lock()
	begun := p.calls.begun
	p.calls.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone.begun += begun
	c.gone.errors += p.calls.errors.Load()
}

// Peer is a dependency that is called by gRPC: what is to be done to every call. The zero Peer only watches.
type Peer struct {
	// Name is the dependency's: the label {peer} of the signals. Defaults to "default".
	Name string
	// Credentials are the connection's. Defaults to none: plain text.
	Credentials credentials.TransportCredentials
	// Keepalive is what the client and its server have agreed on. Defaults to gRPC's own: no pings.
	Keepalive Keepalive
	// Guard is the breaker, bulkhead and deadline around each attempt. An answer such as NOT_FOUND is never taken for a
	// failure, whatever the breaker's IsFailure says. A stream holds its place until it ends, and the guard's Timeout is for
	// all of it. Defaults to none.
	Guard *defense.Guard
	// Retry tries unary calls again that failed with UNAVAILABLE, within its budget. Streams are not retried. Only what may
	// be done twice may be given a budget. Defaults to none.
	Retry *retry.Budget
	// Reserve is how much of a caller's deadline is kept back at this hop; the guard's is kept besides. A call for which
	// nothing is left is not sent. Defaults to 0.
	Reserve time.Duration
}

// DialOptions returns what makes grpc.NewClient follow and guard the calls of a connection. It must be given alone, or
// before options of the same kind. The error is that of [Keepalive.Validate]: refuse to start with it, or log it and go
// on, for the options are there in any case.
func (c *Client) DialOptions(p Peer) ([]grpc.DialOption, error) {
	p.Name = cmp.Or(p.Name, "default")
	known := c.peers.Get(p.Name)
	known.keepalive(p.Keepalive)
	known.list(p.Name)
	gate := &gate{client: c, peer: known, guard: p.Guard, reserve: max(p.Reserve, 0)}
	unary := []grpc.UnaryClientInterceptor{gate.unary}
	if p.Retry != nil {
		unary = []grpc.UnaryClientInterceptor{retryUnary(p.Retry), gate.unary}
	}
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(&watchedCredentials{TransportCredentials: orInsecure(p.Credentials), peer: known}),
		grpc.WithStatsHandler(&clientStats{c, known}),
		grpc.WithChainUnaryInterceptor(unary...),
		grpc.WithChainStreamInterceptor(gate.stream),
	}
	options = append(options, p.Keepalive.dialOptions()...)
	if err := p.Keepalive.Validate(); err != nil {
		return options, fmt.Errorf("stabilitygrpc: peer %s: %w", p.Name, err)
	}
	return options, nil
}

// clientStats follows the calls of one connection. gRPC calls it for each attempt.
type clientStats struct {
	client *Client
	peer   *peer
}

// TagRPC implements stats.Handler.
func (s *clientStats) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context {
	return context.WithValue(ctx, callKey{}, new(call))
}

// HandleRPC implements stats.Handler.
func (s *clientStats) HandleRPC(ctx context.Context, event stats.RPCStats) {
	c := callOf(ctx)
	if c == nil {
		return
	}
	switch event := event.(type) {
	case *stats.Begin:
		if _, bounded := ctx.Deadline(); !bounded {
			s.client.unbounded.Add(1)
		}
		c.stream = event.IsClientStream || event.IsServerStream
		s.peer.calls.begin(c, s.client.epoch)
		_ = faultpoint.Pass(ctx, faultpoint.RPCCall) // an error is that of ctx, which gRPC looks at next
	case *stats.OutHeader:
		s.peer.calls.sent(c)
	case *stats.InHeader:
		s.peer.announced(event.Header)
	case *stats.End:
		code := codeOf(event.Error)
		if s.peer.calls.end(c, s.client.epoch, code) {
			s.client.codes[code].Add(1)
		}
	}
}

// TagConn implements stats.Handler.
func (s *clientStats) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn implements stats.Handler.
func (s *clientStats) HandleConn(context.Context, stats.ConnStats) {}

// Describe returns [signals.GRPCClient].
func (c *Client) Describe() []*signals.Signal { return signals.Group(signals.GRPCClient) }

// Sample reads all signals.
func (c *Client) Sample(dst *signals.Batch) {
	now := time.Since(c.epoch)
	clear(c.survey.all[:])
	c.mu.Lock()
	all := c.gone
	c.mu.Unlock()
	all.first = now
	for _, p := range c.peers.List() {
		c.samplePeer(dst, p, now, &all)
	}
	if c.folding = c.folding || c.peers.Full(); c.folding {
		c.samplePeer(dst, c.peers.Other(), now, &all)
	}
	dst.Add(signals.GRPCClient.Calls, float64(all.begun))
	dst.Add(signals.GRPCClient.Completed, float64(all.begun-uint64(all.active)))
	dst.Add(signals.GRPCClient.Errors, float64(all.errors))
	for code := 1; code < codeCount; code++ {
		dst.AddInstance(signals.GRPCClient.ErrorsByCode, codeLabels[code], float64(c.codes[code].Load()))
	}
	dst.Add(signals.GRPCClient.Unbounded, float64(c.unbounded.Load()))
	dst.Add(signals.GRPCClient.Oldest, (now - all.first).Seconds())
	if all.latencies > 0 {
		dst.Add(signals.GRPCClient.P50, c.survey.all.Quantile(0.50, all.latencies))
		dst.Add(signals.GRPCClient.P99, c.survey.all.Quantile(0.99, all.latencies))
	}
}

// samplePeer appends the readings of one peer and adds them to those of all.
func (c *Client) samplePeer(dst *signals.Batch, p *peer, now time.Duration, all *reading) {
	labels := p.calls.labels
	r := p.calls.read(now, &c.survey, all)
	dst.AddInstance(signals.GRPCClient.PeerCalls, labels, float64(r.begun))
	dst.AddInstance(signals.GRPCClient.PeerErrors, labels, float64(r.errors))
	dst.AddInstance(signals.GRPCClient.PeerUnavailable, labels, float64(r.unavailable))
	dst.AddInstance(signals.GRPCClient.PeerActive, labels, float64(r.onWire))
	dst.AddInstance(signals.GRPCClient.PeerWaiting, labels, float64(r.active-r.onWire))
	dst.AddInstance(signals.GRPCClient.PeerOldest, labels, (now - r.first).Seconds())
	if r.latencies > 0 {
		dst.AddInstance(signals.GRPCClient.PeerP99, labels, r.p99)
	}
	connections := p.connections()
	dst.AddInstance(signals.GRPCClient.PeerConnections, labels, float64(connections.open))
	dst.AddInstance(signals.GRPCClient.PeerDialed, labels, float64(connections.dialed))
	if connections.bounded {
		dst.AddInstance(signals.GRPCClient.PeerMaxStreams, labels, float64(connections.streams))
	}
	if state, ok := p.state(); ok {
		dst.AddInstance(signals.GRPCClient.PeerState, labels, float64(state))
	}
	for reason := range p.goAways {
		dst.AddInstance(signals.GRPCClient.PeerGoAways, p.reasons[reason], float64(p.goAways[reason].Load()))
	}
	if d := p.pingTime.Load(); d > 0 {
		dst.AddInstance(signals.GRPCClient.PeerKeepalive, labels, time.Duration(d).Seconds())
	}
	if d := p.minTime(); d > 0 {
		dst.AddInstance(signals.GRPCClient.PeerPermitted, labels, d.Seconds())
	}
}
