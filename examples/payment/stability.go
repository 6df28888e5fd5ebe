package main

import (
	"context"
	"log/slog"

	"github.com/falsifiable/stability/auto"
	"github.com/falsifiable/stability/health"
	"github.com/falsifiable/stability/telemetry"
)

// newLogger returns the service's logger: it adds the trace and span ids of the request.
func newLogger(inner slog.Handler) *slog.Logger { return slog.New(telemetry.NewSlogHandler(inner)) }

// watch puts the service under the eyes of the stability library, with the contracts in contract.go and what
// go generate made of it, and the stock contracts.
func watch(ctx context.Context, app *app, log *slog.Logger) (*auto.Watch, error) {
	return auto.Start(ctx, auto.Config{
		Service: "payment",
		Logger:  log,
		Components: []health.Component{
			{Name: "database", Check: app.db.PingContext},
			{Name: "redis", Check: app.memory.Ping, Role: health.Optional}, // without it, payments only lose their replay protection
		},
	})
}
