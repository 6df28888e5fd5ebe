package stabilitygrpc_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/adapter/stabilitygrpc"
	"github.com/falsifiable/stability/defense"
	"github.com/falsifiable/stability/defense/breaker"
)

// A server and a guarded client of it; when the server is gone the breaker opens, and the HTTP edge says when to come back.
func Example() {
	handlers, err := stabilitygrpc.NewServer(stabilitygrpc.ServerConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := grpc.NewServer(handlers.Options(nil)...)
	grpc_health_v1.RegisterHealthServer(server, stabilitygrpc.NewHealth(stability.NewMonitor(stability.Config{})))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() { _ = server.Serve(listener) }()

	guard, err := defense.New(defense.Config{Name: "risk", Breaker: breaker.Config{MinimumRequests: 3, Timeout: 30 * time.Second}})
	if err != nil {
		fmt.Println(err)
		return
	}
	calls := stabilitygrpc.NewClient(stabilitygrpc.ClientConfig{})
	options, err := calls.DialOptions(stabilitygrpc.Peer{Name: "risk", Guard: guard})
	if err != nil {
		fmt.Println(err)
		return
	}
	conn, err := grpc.NewClient(listener.Addr().String(), options...)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	risk := grpc_health_v1.NewHealthClient(conn)
	check := func() error {
		_, err := risk.Check(context.Background(), &grpc_health_v1.HealthCheckRequest{})
		return err
	}

	fmt.Println("with a server:", check())
	server.Stop()
	for !errors.Is(err, breaker.ErrOpen) {
		err = check()
	}
	w := httptest.NewRecorder()
	stabilitygrpc.WriteUnavailable(w, err)
	fmt.Println("without:", status.Code(err), w.Code, w.Header().Get("Retry-After"))
	// Output:
	// with a server: <nil>
	// without: Unavailable 503 30
}

// The pair of the whitepaper, refused before anything is sent.
func ExampleKeepalive() {
	pair := stabilitygrpc.Keepalive{Time: 10 * time.Second, MinTime: 30 * time.Second}
	err := pair.Validate()
	if mismatch, ok := errors.AsType[*stabilitygrpc.KeepaliveError](err); ok {
		fmt.Println(mismatch.Inequality)
		fmt.Println(mismatch.Mend)
	}
	// Output:
	// client Time 10s >= server MinTime 30s
	// raise the client's Time to 30s, or lower the server's MinTime to 10s or less
}
