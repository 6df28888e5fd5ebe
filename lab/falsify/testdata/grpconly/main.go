// Command grpconly is a service that speaks gRPC and nothing else: the methods of gRPC's own test service, with streams, a health
// service of its own, and the stock contracts.
package main

import (
	"context"
	"io"
	"log"
	"net"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/adapter/stabilitygrpc"
	"github.com/falsifiable/stability/auto"
	"github.com/falsifiable/stability/signals"
)

func init() {
	stability.RegisterContract(&stability.Contract{
		Name: "catalog-sla",
		Checks: []stability.Check{
			{Name: "goroutines", Expr: "runtime.NumGoroutine() > 500", Cause: "goroutineleak"},
			{Name: "stuck", Expr: "rpc.server.call.oldest > 120 && rate(rpc.server.call.completed[1m]) == 0"},
		},
	})
}

func main() {
	handlers, err := stabilitygrpc.NewServer(stabilitygrpc.ServerConfig{MaxConcurrentStreams: 1000})
	if err != nil {
		log.Fatal(err)
	}
	watch, err := auto.Start(context.Background(), auto.Config{Service: "catalog", EvidenceDir: "none", Sources: []signals.Source{handlers}})
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(handlers.Options(nil)...)
	testpb.RegisterTestServiceServer(server, catalog{})
	answers := stabilitygrpc.NewHealth(watch.Monitor())
	answers.Own = health.NewServer()
	healthpb.RegisterHealthServer(server, answers)
	if os.Getenv("SILENT") == "" {
		reflection.Register(server)
	}
	listener, err := net.Listen("tcp", os.Getenv("ADDR"))
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(server.Serve(listener))
}

type catalog struct {
	testpb.UnimplementedTestServiceServer
}

func (catalog) EmptyCall(context.Context, *testpb.Empty) (*testpb.Empty, error) {
	return new(testpb.Empty), nil
}

// UnaryCall answers what it is not asked for in the right way with what gRPC makes of any error.
func (catalog) UnaryCall(_ context.Context, r *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	if r.GetResponseStatus() != nil {
		return nil, status.Error(codes.Unknown, "no such thing")
	}
	return &testpb.SimpleResponse{Payload: &testpb.Payload{Body: make([]byte, 100)}}, nil
}

// StreamingOutputCall sends for as long as anybody listens.
func (catalog) StreamingOutputCall(_ *testpb.StreamingOutputCallRequest, stream testpb.TestService_StreamingOutputCallServer) error {
	if err := stream.Send(&testpb.StreamingOutputCallResponse{}); err != nil {
		return err
	}
	<-stream.Context().Done()
	return nil
}

// FullDuplexCall answers each message.
func (catalog) FullDuplexCall(stream testpb.TestService_FullDuplexCallServer) error {
	for {
		if _, err := stream.Recv(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := stream.Send(&testpb.StreamingOutputCallResponse{}); err != nil {
			return err
		}
	}
}
