package main

import (
	"context"
	"log/slog"

	"github.com/falsifiable/stability/auto"
)

// The contract of the whitepaper's own line. What contract.go adds to it is picked up by name.
//
//go:generate stability-contract --service=payment --thresholds='{"goroutines":2000,"heap_inuse_mb":800}'

// watch puts the service under the eyes of the stability library.
func watch(ctx context.Context, log *slog.Logger) (*auto.Watch, error) {
	return auto.Start(ctx, auto.Config{Service: "payment", Logger: log})
}
