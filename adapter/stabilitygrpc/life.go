package stabilitygrpc

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// Stop returns what ends a gRPC server within a context, as a Step of package health's Shutdown: calls in flight may end, and
// when the context does so before them, they are cut off and its error is returned. Watchers of [Health] do not hold it up.
func Stop(server *grpc.Server) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		done := make(chan struct{})
		go func() {
			defer close(done)
			server.GracefulStop()
		}()
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			go server.Stop() // it may wait for handlers, which may be heedless
			return fmt.Errorf("stabilitygrpc: stopping the server: calls in flight were cut off: %w", context.Cause(ctx))
		}
	}
}

// HealthProbe returns a check that a server says of itself, by grpc.health.v1, that it serves that service; "" is the whole.
// It is for package health: a Probe of the start, or a Component.
func HealthProbe(conn grpc.ClientConnInterface, service string) func(context.Context) error {
	client := grpc_health_v1.NewHealthClient(conn)
	return func(ctx context.Context) error {
		// Waiting is what turns "not connected yet" into the error that says why, at the deadline.
		r, err := client.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: service}, grpc.WaitForReady(true))
		if err != nil {
			return err
		}
		if r.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
			return fmt.Errorf("service %q is %v", service, r.GetStatus())
		}
		return nil
	}
}
