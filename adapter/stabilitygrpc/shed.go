package stabilitygrpc

import (
	"context"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/falsifiable/stability/defense/admission"
)

// Shed sheds calls of a server that it cannot serve in time, as package admission decides: they end with RESOURCE_EXHAUSTED
// and with when to come back, before their handler begins. By tells the priority of a method by its full name; nil is
// [ShedByMethod]. A stream counts until it is open only: how long it then lives says nothing of the load.
//
//	grpc.NewServer(append(handlers.Options(nil), stabilitygrpc.Shed(control, nil)...)...)
func Shed(control *admission.Controller, by func(ctx context.Context, method string) admission.Priority) []grpc.ServerOption {
	if by == nil {
		by = ShedByMethod
	}
	s := shedder{control, by}
	return []grpc.ServerOption{grpc.ChainUnaryInterceptor(s.unary), grpc.ChainStreamInterceptor(s.stream)}
}

// ShedByMethod classes health checks and reflection as Critical and all else as Default.
func ShedByMethod(_ context.Context, method string) admission.Priority {
	if strings.HasPrefix(method, "/grpc.health.") || strings.HasPrefix(method, "/grpc.reflection.") {
		return admission.Critical
	}
	return admission.Default
}

type shedder struct {
	control *admission.Controller
	by      func(context.Context, string) admission.Priority
}

func (s shedder) unary(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	permit, err := s.admit(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	returned := false
	defer func() {
		if !returned {
			permit.ReleaseFailed()
		}
	}()
	reply, err := handle(ctx, request)
	if returned = true; IsFailure(err) {
		permit.ReleaseFailed()
	} else {
		permit.Release()
	}
	return reply, err
}

func (s shedder) stream(service any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	permit, err := s.admit(stream.Context(), info.FullMethod)
	if err != nil {
		return err
	}
	permit.ReleaseFailed() // opening is quick, which says nothing of calls
	return handle(service, stream)
}

func (s shedder) admit(ctx context.Context, method string) (admission.Permit, error) {
	permit, err := s.control.Acquire(ctx, s.by(ctx, method))
	if err == nil {
		return permit, nil
	}
	if ctx.Err() != nil {
		return permit, status.FromContextError(ctx.Err()).Err()
	}
	return permit, withRetryInfo(status.New(codes.ResourceExhausted, err.Error()), s.control.RetryAfter()).Err()
}
