package stabilitygrpc

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/internal/eventually"
)

// A call that does not end is cut off when the time is up.
func TestStopIsBounded(t *testing.T) {
	enter, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	address, server := serve(t, nil, stuck{enter: enter, release: release})
	client := dial(t, NewClient(ClientConfig{}), address, Peer{})
	failed := make(chan error, 1)
	go func() {
		_, err := client.Check(context.WithoutCancel(t.Context()), new(healthpb.HealthCheckRequest))
		failed <- err
	}()
	<-enter
	ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, errors.New("time is up"))
	defer cancel()
	if err := Stop(server)(ctx); err == nil || !strings.Contains(err.Error(), "time is up") {
		t.Errorf("with a call that does not end: %v", err)
	}
	if err := <-failed; status.Code(err) != codes.Unavailable {
		t.Errorf("the call ends with %v", err)
	}
}

// stuck is a server whose calls wait, heedless of their context.
type stuck struct {
	healthpb.UnimplementedHealthServer
	enter, release chan struct{}
}

func (s stuck) Check(context.Context, *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	s.enter <- struct{}{}
	<-s.release
	return nil, nil
}

// With nobody but a watcher of health, as every client with health checking is, it is over at once.
func TestStopEndsWithAWatcher(t *testing.T) {
	h := NewHealth(stability.NewMonitor(stability.Config{}))
	address, server := serve(t, nil, h)
	stream, err := dial(t, NewClient(ClientConfig{}), address, Peer{}).Watch(within(t), new(healthpb.HealthCheckRequest))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	if err := Stop(server)(within(t)); err != nil {
		t.Error(err)
	}
}

func TestHealthFollowsReadiness(t *testing.T) {
	var ready atomic.Bool
	h := NewHealth(stability.NewMonitor(stability.Config{}))
	h.Ready = ready.Load
	address, _ := serve(t, nil, h)
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := HealthProbe(conn, "")(within(t)); err == nil || err.Error() != `service "" is NOT_SERVING` {
		t.Errorf("before it is ready: %v", err)
	}
	ready.Store(true)
	if err := HealthProbe(conn, "")(within(t)); err != nil {
		t.Errorf("when it is ready: %v", err)
	}
	if err := HealthProbe(conn, "nobody")(within(t)); status.Code(err) != codes.NotFound {
		t.Errorf("for an unknown service: %v", err)
	}
	nowhere, err := grpc.NewClient("passthrough:///127.0.0.1:1", grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer nowhere.Close()
	eventually.Holds(t, "with no server, that it refuses is told", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second) // which the probe waits to the end; by then a connection has been refused, or soon
		defer cancel()
		err := HealthProbe(nowhere, "")(ctx)
		return err != nil && strings.Contains(err.Error(), "refused")
	})
}
