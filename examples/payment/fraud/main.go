// Command fraud is the payment service's gRPC neighbor: an HTTP edge that asks a fraud check by gRPC before it says whether a
// payment may go on, with everything that adapter/stabilitygrpc has to offer. It is a program of its own, so that
// the payment service does without gRPC.
//
//	go run ./examples/payment/fraud               the edge, with a fraud check of its own
//	go run ./examples/payment/fraud -check :9000  the fraud check alone
//	FRAUD_ADDR=:9000 go run ./examples/payment/fraud
//	curl -i localhost:8080/check?account=acct-1
//
// stability falsify ./examples/payment/fraud tries its stock contracts: streams that run out, GOAWAY, retry storms.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/falsifiable/stability/auto"
	"github.com/falsifiable/stability/defense"
	"github.com/falsifiable/stability/defense/deadline"
	"github.com/falsifiable/stability/defense/retry"
	"github.com/falsifiable/stability/signals"
)

func main() {
	check := flag.String("check", "", "serve the fraud check at this address, and nothing else")
	flag.Parse()
	if err := run(*check); err != nil {
		slog.Error("fraud has ended", "error", err)
		os.Exit(1)
	}
}

func run(check string) error {
	if check != "" {
		listener, err := net.Listen("tcp", check)
		if err != nil {
			return err
		}
		server, _, err := newCheck()
		if err != nil {
			return err
		}
		return server.Serve(listener)
	}
	address := os.Getenv("FRAUD_ADDR")
	if address == "" {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		server, _, err := newCheck()
		if err != nil {
			return err
		}
		go func() { _ = server.Serve(listener) }()
		defer server.Stop()
		address = listener.Addr().String()
	}
	edge, err := newEdge(address)
	if err != nil {
		return err
	}
	defer edge.conn.Close()
	sources := append(defense.Sources(edge.guard), edge.calls, retry.Source(edge.budget))
	return edge.serve(cmp.Or(os.Getenv("ADDR"), "127.0.0.1:8080"), sources)
}

// serve answers at an address until that fails.
func (e *edge) serve(address string, sources []signals.Source) error {
	watch, err := auto.Start(context.Background(), auto.Config{Service: "fraud", Sources: sources})
	if err != nil {
		return err
	}
	defer watch.Stop()
	patience := deadline.Server{Timeout: 2 * time.Second}
	mux := http.NewServeMux()
	if err := watch.Mount(mux); err != nil {
		return err
	}
	mux.Handle("GET /check", patience.Middleware(watch.Middleware(http.HandlerFunc(e.check))))
	server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	if err := server.ListenAndServe(); err != nil {
		return fmt.Errorf("fraud: serving: %w", err)
	}
	return nil
}
