package stabilitygrpc

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	"github.com/falsifiable/stability/defense/deadline"
	"github.com/falsifiable/stability/internal/capped"
	"github.com/falsifiable/stability/internal/faultpoint"
	"github.com/falsifiable/stability/signals"
)

// ServerConfig configures a [Server]. The zero value is useful.
type ServerConfig struct {
	// MaxConcurrentStreams is how many calls one connection may have under way; the client makes the others wait. gRPC
	// counts the handlers, so a client that opens streams only to reset them (CVE-2023-44487) gains nothing. Defaults
	// to 100 (docs/guide/whitepaper.md §3.2); gRPC's own default is no limit at all.
	MaxConcurrentStreams uint32
	// MaxHandlers is how many calls may be under way on all connections together; those beyond are answered with
	// RESOURCE_EXHAUSTED, most of them before their message is read. Defaults to 10,000.
	MaxHandlers int
	// Timeout is the deadline of unary calls that bring none, and the most that one may bring. Defaults to no limit.
	Timeout time.Duration
	// Keepalive is what the server and its clients have agreed on. Defaults to gRPC's own.
	Keepalive Keepalive
	// MaxMethods caps the methods that have readings of their own; the rest share those of [signals.Other]. One that is
	// called more often takes the place of one that is called less, or not any more. Defaults to 64.
	MaxMethods int
}

// Validate reports the first field whose value makes no sense, or what [Keepalive.Validate] does.
func (c ServerConfig) Validate() error {
	switch {
	case c.MaxHandlers < 0:
		return fmt.Errorf("stabilitygrpc: configuring a server: MaxHandlers is %d, not 0 or positive", c.MaxHandlers)
	case c.Timeout < 0:
		return fmt.Errorf("stabilitygrpc: configuring a server: Timeout is %v, not 0 or positive", c.Timeout)
	case c.MaxMethods < 0:
		return fmt.Errorf("stabilitygrpc: configuring a server: MaxMethods is %d, not 0 or positive", c.MaxMethods)
	}
	return c.Keepalive.Validate()
}

// Server follows and bounds the calls to a gRPC server and is the [signals.Source] of [signals.GRPCServer]. Safe for
// concurrent use. Make one with [NewServer], for each grpc.Server.
type Server struct {
	config  ServerConfig
	epoch   time.Time
	methods *capped.Set[calls]
	codes   [codeCount]atomic.Uint64
	goAways [reasonCount]atomic.Uint64
	active  atomic.Int64
	refused atomic.Uint64

	mu    sync.Mutex
	conns map[*serverConn]struct{}
	gone  reading // what methods counted that have lost their place

	survey  survey // belongs to the sampling goroutine
	folding bool   // the method "other" has come into use; belongs to it too
}

// serverConn is one connection of a server.
type serverConn struct {
	active    atomic.Int64
	announced atomic.Bool // the client has been told what pings are permitted
}

type connKey struct{}

// NewServer returns a server that has seen no call, or the error of [ServerConfig.Validate].
func NewServer(config ServerConfig) (*Server, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config.MaxConcurrentStreams = cmp.Or(config.MaxConcurrentStreams, 100)
	config.MaxHandlers = cmp.Or(config.MaxHandlers, 10_000)
	s := &Server{
		config: config, epoch: time.Now(), conns: make(map[*serverConn]struct{}),
		methods: capped.New(cmp.Or(config.MaxMethods, 64), newMethod(signals.Other), newMethod),
	}
	s.methods.Evict(capped.Eviction[calls]{Idle: s.idle, Uses: uses, Evicted: s.retire})
	return s, nil
}

// forgottenAfter is how long a method keeps its place without a call, when another wants it.
const forgottenAfter = 10 * time.Minute

func (s *Server) idle(m *calls) (free, forgotten bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.active == 0, time.Since(s.epoch)-m.last >= forgottenAfter
}

func uses(m *calls) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.begun
}

// retire keeps what a method has counted in the sums, which must not fall.
func (s *Server) retire(m *calls) {
	begun := uses(m)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone.begun += begun
	s.gone.errors += m.errors.Load()
}

func newMethod(name string) *calls {
	m := &calls{}
	m.init(signals.NewLabels("method", name))
	return m
}

// Options returns what makes grpc.NewServer follow and bound its calls. Credentials are those of the connections, nil for
// plain text. They must be given alone, or before options of the same kind.
func (s *Server) Options(c credentials.TransportCredentials) []grpc.ServerOption {
	return append(s.config.Keepalive.serverOptions(),
		grpc.Creds(&watchedCredentials{TransportCredentials: orInsecure(c), server: s}),
		grpc.MaxConcurrentStreams(s.config.MaxConcurrentStreams),
		grpc.InTapHandle(s.tap),
		grpc.StatsHandler(serverStats{s}),
		grpc.ChainUnaryInterceptor(s.unary),
		grpc.ChainStreamInterceptor(s.stream),
	)
}

var errFull = status.Error(codes.ResourceExhausted, "stabilitygrpc: the server has as many calls under way as it may")

// tap turns a call away before it costs a goroutine. It sees only the calls whose handlers have begun; those that
// slip through are turned away by the interceptors.
func (s *Server) tap(ctx context.Context, _ *tap.Info) (context.Context, error) {
	if s.active.Load() >= int64(s.config.MaxHandlers) {
		s.refused.Add(1)
		return ctx, errFull
	}
	return ctx, nil
}

// admit is the interceptors' part of the limit, and tells a new client what pings are permitted.
func (s *Server) admit(ctx context.Context) error {
	c := callOf(ctx)
	if c == nil {
		return nil
	}
	if c.excess {
		s.refused.Add(1)
		return errFull
	}
	if c.conn != nil && !c.conn.announced.Swap(true) {
		// Best effort: a call that has sent its header already leaves it to nobody, and nothing depends on it.
		_ = grpc.SetHeader(ctx, metadata.Pairs(minTimeHeader, deadline.Format(s.config.Keepalive.minTime())))
	}
	return nil
}

func (s *Server) unary(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	if err := s.admit(ctx); err != nil {
		return nil, err
	}
	if s.config.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.config.Timeout) // only shortens
		defer cancel()
	}
	if err := faultpoint.Pass(ctx, faultpoint.RPCServe); err != nil {
		return nil, err
	}
	return handle(ctx, request)
}

func (s *Server) stream(service any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	if err := s.admit(stream.Context()); err != nil {
		return err
	}
	if err := faultpoint.Pass(stream.Context(), faultpoint.RPCServe); err != nil {
		return err
	}
	return handle(service, stream)
}

// serverStats follows the calls of a server.
type serverStats struct{ *Server }

// TagRPC implements stats.Handler. The method may be one that the server does not have.
func (s serverStats) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	c := &call{method: info.FullMethodName}
	c.conn, _ = ctx.Value(connKey{}).(*serverConn)
	return context.WithValue(ctx, callKey{}, c)
}

// HandleRPC implements stats.Handler. Only methods that the server has come to Begin.
func (s serverStats) HandleRPC(ctx context.Context, event stats.RPCStats) {
	c := callOf(ctx)
	if c == nil {
		return
	}
	switch event := event.(type) {
	case *stats.Begin:
		c.excess = s.active.Add(1) > int64(s.config.MaxHandlers)
		if c.conn != nil {
			c.conn.active.Add(1)
		}
		c.stream = event.IsClientStream || event.IsServerStream
		s.methods.Get(c.method).begin(c, s.epoch)
	case *stats.End:
		code := codeOf(event.Error)
		if c.calls == nil || !c.calls.end(c, s.epoch, code) {
			return
		}
		s.active.Add(-1)
		if c.conn != nil {
			c.conn.active.Add(-1)
		}
		s.codes[code].Add(1)
	}
}

// TagConn implements stats.Handler.
func (s serverStats) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context {
	return context.WithValue(ctx, connKey{}, new(serverConn))
}

// HandleConn implements stats.Handler.
func (s serverStats) HandleConn(ctx context.Context, event stats.ConnStats) {
	c, ok := ctx.Value(connKey{}).(*serverConn)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch event.(type) {
	case *stats.ConnBegin:
		s.conns[c] = struct{}{}
	case *stats.ConnEnd:
		delete(s.conns, c)
	}
}

// Describe returns [signals.GRPCServer].
func (s *Server) Describe() []*signals.Signal { return signals.Group(signals.GRPCServer) }

// reasonLabels are made once.
var reasonLabels = func() (labels [reasonCount]signals.Labels) {
	for r, name := range reasonNames {
		labels[r] = signals.NewLabels("reason", name)
	}
	return labels
}()

// Sample reads all signals. It allocates nothing.
func (s *Server) Sample(dst *signals.Batch) {
	now := time.Since(s.epoch)
	clear(s.survey.all[:])
	s.mu.Lock()
	all := s.gone
	s.mu.Unlock()
	all.first = now
	for _, m := range s.methods.List() {
		s.sampleMethod(dst, m, now, &all)
	}
	if s.folding = s.folding || s.methods.Full(); s.folding {
		s.sampleMethod(dst, s.methods.Other(), now, &all)
	}
	dst.Add(signals.GRPCServer.Calls, float64(all.begun))
	dst.Add(signals.GRPCServer.Completed, float64(all.begun-uint64(all.active)))
	dst.Add(signals.GRPCServer.Errors, float64(all.errors))
	for code := 1; code < codeCount; code++ {
		dst.AddInstance(signals.GRPCServer.ErrorsByCode, codeLabels[code], float64(s.codes[code].Load()))
	}
	dst.Add(signals.GRPCServer.Active, float64(s.active.Load()))
	dst.Add(signals.GRPCServer.MaxHandlers, float64(s.config.MaxHandlers))
	dst.Add(signals.GRPCServer.Rejected, float64(s.refused.Load()))
	connections, busiest := s.connections()
	dst.Add(signals.GRPCServer.Connections, float64(connections))
	dst.Add(signals.GRPCServer.Busiest, float64(busiest))
	dst.Add(signals.GRPCServer.MaxStreams, float64(s.config.MaxConcurrentStreams))
	for r := range s.goAways {
		dst.AddInstance(signals.GRPCServer.GoAways, reasonLabels[r], float64(s.goAways[r].Load()))
	}
	dst.Add(signals.GRPCServer.MinTime, s.config.Keepalive.minTime().Seconds())
	dst.Add(signals.GRPCServer.Oldest, (now - all.first).Seconds())
	if all.latencies > 0 {
		dst.Add(signals.GRPCServer.P50, s.survey.all.Quantile(0.50, all.latencies))
		dst.Add(signals.GRPCServer.P99, s.survey.all.Quantile(0.99, all.latencies))
	}
}

func (s *Server) sampleMethod(dst *signals.Batch, m *calls, now time.Duration, all *reading) {
	r := m.read(now, &s.survey, all)
	dst.AddInstance(signals.GRPCServer.MethodCalls, m.labels, float64(r.begun))
	dst.AddInstance(signals.GRPCServer.MethodErrors, m.labels, float64(r.errors))
	dst.AddInstance(signals.GRPCServer.MethodActive, m.labels, float64(r.active))
	if r.latencies > 0 {
		dst.AddInstance(signals.GRPCServer.MethodP99, m.labels, r.p99)
	}
}

// connections returns how many connections are open, and how many calls the busiest has under way.
func (s *Server) connections() (open int, busiest int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		busiest = max(busiest, c.active.Load())
	}
	return len(s.conns), busiest
}
