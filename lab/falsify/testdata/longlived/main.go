// Command longlived serves requests that last: events, a long poll, a WebSocket, uploads, gRPC streams beside them. It has the
// stock contracts.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/grpc"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/reflection"

	"github.com/falsifiable/stability/adapter/stabilitygrpc"
	"github.com/falsifiable/stability/auto"
	"github.com/falsifiable/stability/signals"
)

func main() {
	handlers, err := stabilitygrpc.NewServer(stabilitygrpc.ServerConfig{})
	if err != nil {
		log.Fatal(err)
	}
	watch, err := auto.Start(context.Background(), auto.Config{Service: "longlived", EvidenceDir: "none", Sources: []signals.Source{handlers}})
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(handlers.Options(nil)...)
	testpb.RegisterTestServiceServer(server, streams{})
	reflection.Register(server)
	listener, err := net.Listen("tcp", os.Getenv("GRPC_ADDR"))
	if err != nil {
		log.Fatal(err)
	}
	go server.Serve(listener)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /events", events)
	mux.HandleFunc("GET /poll", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(3 * time.Second):
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("POST /upload", func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	mux.HandleFunc("GET /ws", talk)
	log.Fatal(http.ListenAndServe(os.Getenv("ADDR"), watch.Middleware(mux)))
}

func events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	for r.Context().Err() == nil {
		fmt.Fprint(w, "data: x\n\n")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-time.After(200 * time.Millisecond):
		case <-r.Context().Done():
		}
	}
}

func talk(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer conn.CloseNow()
	for {
		kind, message, err := conn.Read(r.Context())
		if err != nil || conn.Write(r.Context(), kind, message) != nil {
			return
		}
	}
}

type streams struct {
	testpb.UnimplementedTestServiceServer
}

func (streams) StreamingOutputCall(_ *testpb.StreamingOutputCallRequest, stream testpb.TestService_StreamingOutputCallServer) error {
	for stream.Context().Err() == nil {
		if err := stream.Send(&testpb.StreamingOutputCallResponse{}); err != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
	return nil
}

func (streams) StreamingInputCall(stream testpb.TestService_StreamingInputCallServer) error {
	for {
		if _, err := stream.Recv(); err == io.EOF {
			return stream.SendAndClose(new(testpb.StreamingInputCallResponse))
		} else if err != nil {
			return err
		}
	}
}
