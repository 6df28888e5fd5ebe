package main

import (
	"context"
	"hash/fnv"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/falsifiable/stability/adapter/stabilitygrpc"
)

const suspectMethod = "/payment.Fraud/Suspect"

// newCheck returns the fraud check, bounded against floods of streams. The methods of a server this small are written by hand;
// protoc would write the same.
func newCheck() (*grpc.Server, *stabilitygrpc.Server, error) {
	handlers, err := stabilitygrpc.NewServer(stabilitygrpc.ServerConfig{
		MaxConcurrentStreams: maxStreams, MaxHandlers: 10 * maxStreams, Keepalive: keepalive,
	})
	if err != nil {
		return nil, nil, err
	}
	server := grpc.NewServer(handlers.Options(nil)...)
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "payment.Fraud", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Suspect", Handler: handleSuspect}},
	}, struct{}{})
	return server, handlers, nil
}

func handleSuspect(_ any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
	var account wrapperspb.StringValue
	if err := decode(&account); err != nil {
		return nil, err
	}
	handle := func(_ context.Context, request any) (any, error) {
		return suspect(request.(*wrapperspb.StringValue).GetValue())
	}
	if intercept == nil {
		return handle(ctx, &account)
	}
	return intercept(ctx, &account, &grpc.UnaryServerInfo{FullMethod: suspectMethod}, handle)
}

// suspect finds one account in a thousand suspect, always the same ones.
func suspect(account string) (*wrapperspb.BoolValue, error) {
	if account == "" {
		return nil, status.Error(codes.InvalidArgument, "fraud: there is no account")
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(account))
	return wrapperspb.Bool(h.Sum32()%1000 == 0), nil
}
