package main

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/falsifiable/stability/defense"
	"github.com/falsifiable/stability/defense/bulkhead"
	"github.com/falsifiable/stability/defense/deadline"
	"github.com/falsifiable/stability/defense/poolsize"
	"github.com/falsifiable/stability/defense/retry"
	"github.com/falsifiable/stability/examples/payment/internal/httpapi"
	"github.com/falsifiable/stability/examples/payment/internal/idempotency"
	"github.com/falsifiable/stability/examples/payment/internal/ledger"
	"github.com/falsifiable/stability/examples/payment/internal/payment"
	"github.com/falsifiable/stability/examples/payment/internal/risk"
	"github.com/falsifiable/stability/examples/payment/internal/standin"
	"github.com/falsifiable/stability/examples/payment/internal/tracing"
	"github.com/falsifiable/stability/signals/httpclient"
	"github.com/falsifiable/stability/signals/sqldb"
)

// app is the service with all that it depends on, and what is told of that.
type app struct {
	routes *http.ServeMux
	db     *sql.DB
	memory *idempotency.Memory

	pools   *sqldb.Pools
	calls   *httpclient.Tracker
	guards  []*defense.Guard
	writes  *bulkhead.Bulkhead // to the ledger
	retries *retry.Budget
	closers []func() error
}

// newApp connects the service to its dependencies and starts those that nobody provides.
func newApp(ctx context.Context, cfg config, log *slog.Logger) (_ *app, err error) {
	a := &app{pools: sqldb.New(sqldb.Config{}), calls: httpclient.New(httpclient.Config{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	orders, err := a.openLedger(ctx, cfg.databaseURL, log)
	if err != nil {
		return nil, err
	}
	if err := a.openMemory(cfg.redisURL, log); err != nil {
		return nil, err
	}
	scorer, err := a.openRisk(cfg.riskURL)
	if err != nil {
		return nil, err
	}
	a.routes = httpapi.Routes(&payment.Service{Ledger: orders, Memory: a.memory, Scorer: scorer})
	return a, nil
}

func (a *app) openLedger(ctx context.Context, url string, log *slog.Logger) (*ledger.Ledger, error) {
	db, closeDB, err := ledger.Open(url, a.pools)
	if err != nil {
		return nil, err
	}
	a.db = db
	a.onClose(closeDB)
	if url != "" { // the embedded one has the size that suits it
		a.sizePool(ctx, log)
	}
	if a.writes, err = bulkhead.New(ledger.Writes(url)); err != nil {
		return nil, err
	}
	orders, err := ledger.New(ctx, db, a.writes)
	if err != nil {
		return nil, err
	}
	a.onClose(orders.Close)
	return orders, nil
}

// sizePool keeps the database's pool as large as serves callers best, until Close.
func (a *app) sizePool(ctx context.Context, log *slog.Logger) {
	ctx, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = poolsize.Run(ctx, a.db, poolsize.Config{ // it only ends with ctx
			MaxOpen: ledger.PostgresConns, Logger: log,
			Use: func() (int64, time.Duration) { return a.pools.Use(ledger.Pool) },
		})
	}()
	a.onClose(func() error { stop(); <-done; return nil })
}

// guard makes the guard of one dependency, whose signals are then watched.
func (a *app) guard(config defense.Config) (*defense.Guard, error) {
	g, err := defense.New(config)
	if err == nil {
		a.guards = append(a.guards, g)
	}
	return g, err
}

func (a *app) openMemory(url string, log *slog.Logger) error {
	if url == "" {
		redis, err := standin.StartRedis("127.0.0.1:0")
		if err != nil {
			return err
		}
		a.onClose(func() error { redis.Close(); return nil })
		url = redis.URL()
	}
	guard, err := a.guard(idempotency.Guard)
	if err != nil {
		return err
	}
	memory, err := idempotency.Open(url, guard)
	if err != nil {
		return err
	}
	a.memory = memory
	a.onClose(memory.Close)
	return nil
}

func (a *app) openRisk(url string) (*risk.Client, error) {
	if url == "" {
		service, err := standin.StartRisk("127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		a.onClose(service.Close)
		url = service.URL()
	}
	guard, err := a.guard(risk.Guard)
	if err != nil {
		return nil, err
	}
	if a.retries, err = retry.New(risk.Retries); err != nil {
		return nil, err
	}
	// The calls are followed outside of the guard, whose own timeout would hide that a request's deadline got lost.
	guarded := guard.Transport(tracing.Transport{Base: &deadline.Transport{Base: risk.NewTransport()}})
	client, err := risk.NewClient(url, a.calls.Transport(guarded), a.retries)
	if err != nil {
		return nil, err
	}
	a.onClose(func() error { client.Close(); return nil })
	return client, nil
}

func (a *app) onClose(f func() error) { a.closers = append(a.closers, f) }

// Close ends everything that newApp began, the last first.
func (a *app) Close() error {
	var errs []error
	for _, f := range slices.Backward(a.closers) {
		errs = append(errs, f())
	}
	a.closers = nil
	return errors.Join(errs...)
}
