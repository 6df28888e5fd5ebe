package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/auto"
	"github.com/falsifiable/stability/defense/breaker"
	"github.com/falsifiable/stability/defense/bulkhead"
	"github.com/falsifiable/stability/defense/retry"
	"github.com/falsifiable/stability/health"
	"github.com/falsifiable/stability/response"
	"github.com/falsifiable/stability/response/quarantine"
	"github.com/falsifiable/stability/signals"
	"github.com/falsifiable/stability/telemetry"
)

// newLogger returns the service's logger: it adds the trace and span ids of the request.
func newLogger(inner slog.Handler) *slog.Logger { return slog.New(telemetry.NewSlogHandler(inner)) }

// watch puts the service under the eyes of the stability library, with the contracts in contract.go and what
// go generate made of it, and the stock contracts.
func watch(ctx context.Context, app *app, operatorURL string, log *slog.Logger) (*auto.Watch, error) {
	responses, err := reporting(operatorURL)
	if err != nil {
		return nil, err
	}
	return auto.Start(ctx, auto.Config{
		Service:   "payment",
		Logger:    log,
		Sources:   sources(app),
		Responses: responses,
		Components: []health.Component{
			{Name: "database", Check: app.db.PingContext, Interval: time.Second},
			{Name: "redis", Check: app.memory.Ping, Role: health.Optional}, // without it, payments only lose their replay protection
		},
	})
}

// reporting tells the operator of the cluster of violations, for as long as they last, with what kubernetes.yaml mounts.
func reporting(operatorURL string) ([]stability.Response, error) {
	if operatorURL == "" {
		return nil, nil
	}
	reporter, err := quarantine.New(quarantine.Config{Poster: response.Poster{URL: operatorURL}})
	if err != nil {
		return nil, err
	}
	return []stability.Response{{Responder: reporter, Repeat: time.Minute}}, nil
}

// sources are what can be read of the dependencies: calls, pools and how they are defended.
func sources(app *app) []signals.Source {
	redis := app.memory.Pool
	breakers, bulkheads := []*breaker.Breaker(nil), []*bulkhead.Bulkhead{app.writes}
	for _, g := range app.guards {
		breakers, bulkheads = append(breakers, g.Breaker()), append(bulkheads, g.Bulkhead())
	}
	return []signals.Source{
		breaker.Source(breakers...), bulkhead.Source(bulkheads...), retry.Source(app.retries), app.calls, app.pools,
		signals.GaugeFunc("redis.pool.open", signals.Count, func() float64 { return float64(redis().ActiveCount) }),
		signals.GaugeFunc("redis.pool.idle", signals.Count, func() float64 { return float64(redis().IdleCount) }),
		signals.CounterFunc("redis.pool.wait.count", signals.Count, func() float64 { return float64(redis().WaitCount) }),
		signals.CounterFunc("redis.pool.wait.duration", signals.Seconds, func() float64 { return redis().WaitDuration.Seconds() }),
	}
}
