package stabilitygrpc

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/internal/eventually"
	"github.com/falsifiable/stability/signals"
)

// A contract in Enforce mode decides over the service of its name, one in Observe mode does not, and neither over the process.
func TestHealth(t *testing.T) {
	var load atomic.Int64
	monitor := stability.NewMonitor(stability.Config{SampleInterval: 5 * time.Millisecond, Warmup: -1})
	if err := monitor.Attach(signals.GaugeFunc("app.load", signals.Count, func() float64 { return float64(load.Load()) })); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]stability.Mode{"enforced": stability.Enforce, "observed": stability.Observe} {
		err := monitor.Register(&stability.Contract{
			Name: name, Mode: mode, Interval: 5 * time.Millisecond,
			Checks: []stability.Check{{Name: "load", Expr: "app.load > 10"}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := monitor.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(monitor.Stop)
	address, _ := serve(t, nil, NewHealth(monitor))
	client := dial(t, NewClient(ClientConfig{}), address, Peer{})

	serving := func(service string) (healthpb.HealthCheckResponse_ServingStatus, error) {
		r, err := client.Check(within(t), &healthpb.HealthCheckRequest{Service: service})
		return r.GetStatus(), err
	}
	expectAll := func(enforced healthpb.HealthCheckResponse_ServingStatus) {
		t.Helper()
		eventually.Holds(t, "the enforced contract answers "+enforced.String(), func() bool { s, _ := serving("enforced"); return s == enforced })
		for _, service := range []string{"", "observed"} {
			if s, err := serving(service); s != healthpb.HealthCheckResponse_SERVING || err != nil {
				t.Errorf("%q answers %v, %v; want SERVING", service, s, err)
			}
		}
	}
	watched, cancel := context.WithCancel(within(t))
	defer cancel()
	stream, err := client.Watch(watched, &healthpb.HealthCheckRequest{Service: "enforced"})
	if err != nil {
		t.Fatal(err)
	}
	next := func(want healthpb.HealthCheckResponse_ServingStatus) {
		t.Helper()
		if r, err := stream.Recv(); err != nil || r.GetStatus() != want {
			t.Fatalf("Watch sends %v, %v; want %v", r.GetStatus(), err, want)
		}
	}
	next(healthpb.HealthCheckResponse_SERVING)
	expectAll(healthpb.HealthCheckResponse_SERVING)
	load.Store(11)
	expectAll(healthpb.HealthCheckResponse_NOT_SERVING)
	next(healthpb.HealthCheckResponse_NOT_SERVING)
	load.Store(0)
	expectAll(healthpb.HealthCheckResponse_SERVING)
	next(healthpb.HealthCheckResponse_SERVING)

	if list, err := client.List(within(t), &healthpb.HealthListRequest{}); err != nil || len(list.GetStatuses()) != 3 {
		t.Errorf("List = %v, %v; want the process and two contracts", list, err)
	}
	if _, err := serving("no such"); status.Code(err) != codes.NotFound {
		t.Errorf("an unknown contract is %v, want NOT_FOUND", err)
	}
	unknown, err := client.Watch(watched, &healthpb.HealthCheckRequest{Service: "no such"})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := unknown.Recv(); err != nil || r.GetStatus() != healthpb.HealthCheckResponse_SERVICE_UNKNOWN {
		t.Errorf("Watch of an unknown contract sends %v, %v", r.GetStatus(), err)
	}

	// A monitor that has ended can vouch for nothing.
	monitor.Stop()
	expectAll(healthpb.HealthCheckResponse_NOT_SERVING)
}

// TestWatchEndsWithTheServer: GracefulStop waits for handlers and tells them nothing; a client that watches, and stays, must
// not keep it from returning.
func TestWatchEndsWithTheServer(t *testing.T) {
	for name, handlers := range map[string]*Server{"plain": nil, "followed": newServer(t, ServerConfig{})} {
		health := NewHealth(stability.NewMonitor(stability.Config{}))
		address, server := serve(t, handlers, health)
		client := dial(t, NewClient(ClientConfig{}), address, Peer{})
		var streams []healthpb.Health_WatchClient
		for range 3 {
			stream, err := client.Watch(within(t), &healthpb.HealthCheckRequest{})
			if err != nil {
				t.Fatal(err)
			}
			if r, err := stream.Recv(); err != nil || r.GetStatus() != healthpb.HealthCheckResponse_SERVING {
				t.Fatalf("%s: Watch sends %v, %v; want SERVING", name, r.GetStatus(), err)
			}
			streams = append(streams, stream)
		}
		stopped := make(chan struct{})
		go func() { server.GracefulStop(); close(stopped) }()
		for _, stream := range streams {
			if r, err := stream.Recv(); err != nil || r.GetStatus() != healthpb.HealthCheckResponse_NOT_SERVING {
				t.Errorf("%s: Watch sends %v, %v when the server stops; want NOT_SERVING", name, r.GetStatus(), err)
			}
			if _, err := stream.Recv(); status.Code(err) != codes.Unavailable {
				t.Errorf("%s: Watch ends with %v, want UNAVAILABLE", name, err)
			}
		}
		select {
		case <-stopped:
		case <-within(t).Done():
			t.Fatalf("%s: GracefulStop still waits", name)
		}
		eventually.Holds(t, "the server is forgotten", func() bool {
			health.stops.mu.Lock()
			defer health.stops.mu.Unlock()
			return len(health.stops.listened) == 0
		})
	}
}

// Beside a health service that the server has already, each answers for what it knows, and a no of either is a no.
func TestHealthBesideTheServersOwn(t *testing.T) {
	monitor := stability.NewMonitor(stability.Config{})
	if err := monitor.Register(&stability.Contract{Name: "orders", Checks: []stability.Check{{Name: "many", Expr: "go.goroutine.count > 1000000"}}}); err != nil {
		t.Fatal(err)
	}
	own := health.NewServer()
	own.SetServingStatus("shop.Catalog", healthpb.HealthCheckResponse_SERVING)
	both := NewHealth(monitor)
	both.Own = own
	address, _ := serve(t, nil, both)
	client := dial(t, NewClient(ClientConfig{}), address, Peer{})
	expect := func(service string, want healthpb.HealthCheckResponse_ServingStatus, code codes.Code) {
		t.Helper()
		r, err := client.Check(within(t), &healthpb.HealthCheckRequest{Service: service})
		if r.GetStatus() != want || status.Code(err) != code {
			t.Errorf("%q answers %v, %v; want %v, %v", service, r.GetStatus(), err, want, code)
		}
	}
	for _, service := range []string{"", "orders", "shop.Catalog"} {
		expect(service, healthpb.HealthCheckResponse_SERVING, codes.OK)
	}
	expect("nobody", healthpb.HealthCheckResponse_UNKNOWN, codes.NotFound)
	all, err := client.List(within(t), &healthpb.HealthListRequest{})
	if err != nil || len(all.GetStatuses()) != 3 {
		t.Errorf("listed are %v, %v; want the process, a contract and a service", all.GetStatuses(), err)
	}
	own.SetServingStatus("shop.Catalog", healthpb.HealthCheckResponse_NOT_SERVING)
	own.SetServingStatus("orders", healthpb.HealthCheckResponse_NOT_SERVING)
	for _, service := range []string{"orders", "shop.Catalog"} {
		expect(service, healthpb.HealthCheckResponse_NOT_SERVING, codes.OK)
	}
	own.Shutdown()
	expect("", healthpb.HealthCheckResponse_NOT_SERVING, codes.OK)
}
