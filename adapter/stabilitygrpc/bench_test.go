package stabilitygrpc

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/stats"

	"github.com/falsifiable/stability/defense"
	"github.com/falsifiable/stability/defense/breaker"
	"github.com/falsifiable/stability/defense/bulkhead"
	"github.com/falsifiable/stability/defense/retry"
	"github.com/falsifiable/stability/signals"
)

// everything is a peer with every defense.
func everything(t testing.TB) Peer {
	budget, err := retry.New(retry.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return Peer{Name: "risk", Retry: budget, Guard: guard(t, defense.Config{
		Timeout: time.Minute, Breaker: breaker.Config{Timeout: time.Minute}, Bulkhead: bulkhead.Config{Limit: 100},
	})}
}

// invoke is a call that costs nothing.
func invoke(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error {
	return nil
}

// life is what gRPC tells about one call of a client.
var life = []stats.RPCStats{&stats.Begin{Client: true}, &stats.OutHeader{Client: true}, &stats.InHeader{Client: true}, &stats.End{Client: true}}

// What a call costs in allocations besides gRPC's own: its record and the context that carries it; the interceptor none, with
// all defenses, when the caller's deadline is the sooner one.
func TestAllocations(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	p := everything(t)
	client := NewClient(ClientConfig{})
	gate := &gate{client: client, peer: client.peers.Get("risk"), guard: p.Guard}
	handler := &clientStats{client, gate.peer}
	for name, test := range map[string]struct {
		most float64
		call func()
	}{
		"interceptor": {0, func() { _ = gate.unary(ctx, checkMethod, nil, nil, nil, invoke) }},
		"stats": {2, func() {
			ctx := handler.TagRPC(ctx, &stats.RPCTagInfo{})
			for _, event := range life {
				handler.HandleRPC(ctx, event)
			}
		}},
	} {
		if n := testing.AllocsPerRun(1000, test.call); n > test.most {
			t.Errorf("%s: %v allocations, want %v at most", name, n, test.most)
		}
	}
}

// BenchmarkUnary is a whole call over the loopback interface: of plain gRPC, of one whose client we watch, whose server, and
// of one with everything on both sides.
func BenchmarkUnary(b *testing.B) {
	plainDial := func(address string) []grpc.DialOption {
		return []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	}
	watched := func(p Peer) func(string) []grpc.DialOption {
		return func(string) []grpc.DialOption { return must(NewClient(ClientConfig{}).DialOptions(p)) }
	}
	for _, test := range []struct {
		name     string
		dial     func(address string) []grpc.DialOption
		handlers *Server
	}{
		{"plain", plainDial, nil},
		{"client", watched(Peer{}), nil},
		{"server", plainDial, newServer(b, ServerConfig{})},
		{"everything", watched(everything(b)), newServer(b, ServerConfig{})},
	} {
		b.Run(test.name, func(b *testing.B) {
			address, _ := serve(b, test.handlers, &service{})
			conn, err := grpc.NewClient("passthrough:///"+address, test.dial(address)...)
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			health := healthpb.NewHealthClient(conn)
			ctx, cancel := context.WithTimeout(b.Context(), 50*time.Second) // sooner than the guard's own: no further context
			defer cancel()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := health.Check(ctx, request); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkInterceptor is our part of a call alone.
func BenchmarkInterceptor(b *testing.B) {
	ctx, cancel := context.WithTimeout(b.Context(), 50*time.Second)
	defer cancel()
	client := NewClient(ClientConfig{})
	known := client.peers.Get("risk")
	for name, g := range map[string]*gate{
		"watching": {client: client, peer: known},
		"guarding": {client: client, peer: known, guard: everything(b).Guard},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = g.unary(ctx, checkMethod, nil, nil, nil, invoke)
			}
		})
	}
	b.Run("stats", func(b *testing.B) {
		handler := &clientStats{client, known}
		b.ReportAllocs()
		for b.Loop() {
			ctx := handler.TagRPC(ctx, &stats.RPCTagInfo{})
			for _, event := range life {
				handler.HandleRPC(ctx, event)
			}
		}
	})
}

func BenchmarkScanner(b *testing.B) {
	s := scanner{settings: func(uint32) {}, goAway: func(reason) {}}
	stream := append([]byte{0, 0, 100, 0, 0, 0, 0, 0, 1}, make([]byte, 100)...)
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		s.scan(stream)
	}
}

func BenchmarkSample(b *testing.B) {
	client := NewClient(ClientConfig{})
	client.peers.Get("risk")
	var batch signals.Batch
	b.ReportAllocs()
	for b.Loop() {
		batch.Reset()
		client.Sample(&batch)
	}
}
