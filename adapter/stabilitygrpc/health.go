package stabilitygrpc

import (
	"context"
	"maps"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/falsifiable/stability"
)

// Health answers grpc.health.v1 from a monitor, as package health answers /healthz over HTTP. The name of a contract is a
// service: NOT_SERVING while the contract is violated in Enforce mode, or is in Enforce mode and the monitor has stopped
// ticking. An unknown state is no violation. The service "" is the process: SERVING as long as it can answer and is ready.
// Contracts leave it alone, because what all instances violate at once would take all of them out; to let one
// decide, ask for it by name. Safe for concurrent use. Make it with [NewHealth].
type Health struct {
	grpc_health_v1.UnimplementedHealthServer
	// Ready, if set before the server serves, tells whether the process should get requests, such as the Ready of package
	// health's Components. Defaults to always.
	Ready func() bool
	// Own, if set before the server serves, is the health service that the server has besides, such as the one of package
	// google.golang.org/grpc/health. It answers for every name that is no contract's; for a name of both, and for the process,
	// NOT_SERVING of either counts. Its changes are seen within a second.
	Own     grpc_health_v1.HealthServer
	monitor *stability.Monitor
	stops   stops
}

// NewHealth returns the service, to be registered with grpc_health_v1.RegisterHealthServer.
func NewHealth(m *stability.Monitor) *Health { return &Health{monitor: m} }

// watchInterval is how often a Watch looks: contracts are judged no oftener than they are sampled.
const watchInterval = time.Second

// Check answers for one service. The error for an unknown one is NOT_FOUND.
func (h *Health) Check(ctx context.Context, r *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	s := h.serving(ctx, r.GetService())
	if s == grpc_health_v1.HealthCheckResponse_SERVICE_UNKNOWN {
		return nil, status.Errorf(codes.NotFound, "stabilitygrpc: there is no contract or service %q", r.GetService())
	}
	return &grpc_health_v1.HealthCheckResponse{Status: s}, nil
}

// List answers for the process, every contract, and every name of Own.
func (h *Health) List(ctx context.Context, r *grpc_health_v1.HealthListRequest) (*grpc_health_v1.HealthListResponse, error) {
	all := make(map[string]*grpc_health_v1.HealthCheckResponse)
	if h.Own != nil {
		if own, err := h.Own.List(ctx, r); err == nil { // one without List is asked by name only
			maps.Copy(all, own.GetStatuses())
		}
	}
	all[""] = &grpc_health_v1.HealthCheckResponse{Status: h.serving(ctx, "")}
	for _, c := range h.monitor.Status().Contracts {
		all[c.Name] = &grpc_health_v1.HealthCheckResponse{Status: h.serving(ctx, c.Name)}
	}
	return &grpc_health_v1.HealthListResponse{Statuses: all}, nil
}

// Watch sends the answer for one service, and every other answer as it comes, until the client has enough. The answer for an
// unknown service is SERVICE_UNKNOWN; a contract may be registered later. When the server stops, the last answer is NOT_SERVING
// and the stream ends with UNAVAILABLE, so that GracefulStop does not wait for the client.
func (h *Health) Watch(r *grpc_health_v1.HealthCheckRequest, stream grpc.ServerStreamingServer[grpc_health_v1.HealthCheckResponse]) error {
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	stopping := h.stops.of(stream.Context())
	last := grpc_health_v1.HealthCheckResponse_ServingStatus(-1)
	for {
		if s := h.serving(stream.Context(), r.GetService()); s != last {
			if err := stream.Send(&grpc_health_v1.HealthCheckResponse{Status: s}); err != nil {
				return err
			}
			last = s
		}
		select {
		case <-ticker.C:
		case <-stream.Context().Done():
			return status.FromContextError(stream.Context().Err()).Err()
		case <-stopping:
			if err := stream.Send(&grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_NOT_SERVING}); err != nil {
				return err
			}
			return status.Error(codes.Unavailable, "stabilitygrpc: the server is stopping")
		}
	}
}

// serving is what the monitor and Own say of a service.
func (h *Health) serving(ctx context.Context, service string) grpc_health_v1.HealthCheckResponse_ServingStatus {
	ours := h.judged(service)
	if h.Own == nil || ours == grpc_health_v1.HealthCheckResponse_NOT_SERVING {
		return ours
	}
	answer, err := h.Own.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: service})
	switch {
	case status.Code(err) == codes.NotFound:
		return ours
	case err != nil:
		return grpc_health_v1.HealthCheckResponse_NOT_SERVING // it cannot say that it is well
	}
	return answer.GetStatus()
}

// judged is what the monitor says.
func (h *Health) judged(service string) grpc_health_v1.HealthCheckResponse_ServingStatus {
	if service == "" {
		if h.Ready != nil && !h.Ready() {
			return grpc_health_v1.HealthCheckResponse_NOT_SERVING
		}
		return grpc_health_v1.HealthCheckResponse_SERVING
	}
	c, known := h.monitor.Contract(service)
	switch {
	case !known:
		return grpc_health_v1.HealthCheckResponse_SERVICE_UNKNOWN
	case c.Mode == stability.Enforce && (c.State == stability.Violated || h.monitor.Status().Stale):
		return grpc_health_v1.HealthCheckResponse_NOT_SERVING
	}
	return grpc_health_v1.HealthCheckResponse_SERVING
}
