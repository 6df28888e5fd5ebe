package stabilitygrpc

import (
	"context"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/falsifiable/stability/signals"
)

// service is the one that tests call: grpc.health.v1, because it is there, with a body of the test's own.
type service struct {
	healthpb.UnimplementedHealthServer
	check func(context.Context) error
	watch func(grpc.ServerStreamingServer[healthpb.HealthCheckResponse]) error
}

func (s *service) Check(ctx context.Context, _ *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	if s.check != nil {
		if err := s.check(ctx); err != nil {
			return nil, err
		}
	}
	return &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_SERVING}, nil
}

func (s *service) Watch(_ *healthpb.HealthCheckRequest, stream grpc.ServerStreamingServer[healthpb.HealthCheckResponse]) error {
	return s.watch(stream)
}

const (
	checkMethod = healthpb.Health_Check_FullMethodName
	watchMethod = healthpb.Health_Watch_FullMethodName
)

// serve runs a real server until the test ends, a plain one if handlers is nil.
func serve(t testing.TB, handlers *Server, s healthpb.HealthServer) (address string, server *grpc.Server) {
	t.Helper()
	var options []grpc.ServerOption
	if handlers != nil {
		options = handlers.Options(nil)
	}
	return serveWith(t, s, options...)
}

func serveWith(t testing.TB, s healthpb.HealthServer, options ...grpc.ServerOption) (address string, server *grpc.Server) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server = grpc.NewServer(options...)
	healthpb.RegisterHealthServer(server, s)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return listener.Addr().String(), server
}

func newServer(t testing.TB, config ServerConfig) *Server {
	t.Helper()
	s, err := NewServer(config)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// dial opens a real client until the test ends.
func dial(t testing.TB, c *Client, address string, p Peer) healthpb.HealthClient {
	t.Helper()
	options, err := c.DialOptions(p)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient("passthrough:///"+address, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return healthpb.NewHealthClient(conn)
}

var request = &healthpb.HealthCheckRequest{}

// within bounds a call of a test; nothing here takes that long.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// readings are what a source said, by name and labels as a contract writes them.
type readings map[string]float64

func sample(s signals.Source) readings {
	var batch signals.Batch
	s.Sample(&batch)
	r := make(readings)
	for _, v := range batch.Readings() {
		r[v.Signal.Name()+v.Labels.String()] = v.Value
	}
	return r
}

// expect waits until a source reads as it should.
func expect(t testing.TB, s signals.Source, want readings) {
	t.Helper()
	var got readings
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 10_000 {
		got = sample(s)
		ok := true
		for name, v := range want {
			have, there := got[name]
			ok = ok && there && have == v
		}
		if ok {
			return
		}
		<-tick.C
	}
	for name, v := range want {
		if have, there := got[name]; !there || have != v {
			t.Errorf("%s reads %v (%t), want %v", name, have, there, v)
		}
	}
	t.FailNow()
}
