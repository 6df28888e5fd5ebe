package main

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"net/http"
	"slices"

	"github.com/falsifiable/stability/examples/payment/internal/httpapi"
	"github.com/falsifiable/stability/examples/payment/internal/idempotency"
	"github.com/falsifiable/stability/examples/payment/internal/ledger"
	"github.com/falsifiable/stability/examples/payment/internal/payment"
	"github.com/falsifiable/stability/examples/payment/internal/risk"
	"github.com/falsifiable/stability/examples/payment/internal/standin"
	"github.com/falsifiable/stability/examples/payment/internal/tracing"
)

// app is the service with all that it depends on.
type app struct {
	routes  *http.ServeMux
	db      *sql.DB
	memory  *idempotency.Memory
	closers []func() error
}

// newApp connects the service to its dependencies and starts those that nobody provides.
func newApp(ctx context.Context, cfg config, log *slog.Logger) (_ *app, err error) {
	a := new(app)
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	orders, err := a.openLedger(ctx, cfg.databaseURL)
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

func (a *app) openLedger(ctx context.Context, url string) (*ledger.Ledger, error) {
	db, closeDB, err := ledger.Open(url)
	if err != nil {
		return nil, err
	}
	a.db = db
	a.onClose(closeDB)
	orders, err := ledger.New(ctx, db)
	if err != nil {
		return nil, err
	}
	a.onClose(orders.Close)
	return orders, nil
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
	memory, err := idempotency.Open(url)
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
	client, err := risk.NewClient(url, tracing.Transport{Base: risk.NewTransport()})
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
