package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/falsifiable/stability/defense/deadline"
	"github.com/falsifiable/stability/examples/payment/internal/payment"
)

// deadlines bound the work on one request; everything it waits for gets the request's context. A gateway on this machine may
// say that its own caller waits less long.
var deadlines = deadline.Server{
	Timeout: 2 * time.Second,
	Trust:   deadline.TrustNetworks(netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")),
}

// entry collects what the one log line of a request says. Only the request's own goroutine touches it.
type entry struct {
	status  int
	err     error
	receipt *payment.Receipt
}

type entryKey struct{}

func noteOrder(ctx context.Context, receipt payment.Receipt) {
	if e, ok := ctx.Value(entryKey{}).(*entry); ok {
		e.receipt = &receipt
	}
}

func noteError(ctx context.Context, err error) {
	if e, ok := ctx.Value(entryKey{}).(*entry); ok {
		e.err = err
	}
}

// withLog writes one line for each request: at Info, or at Error when the service is to blame.
func withLog(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var (
			begun = time.Now()
			e     = entry{status: http.StatusOK}
		)
		next.ServeHTTP(&statusWriter{w, &e.status}, r.WithContext(context.WithValue(r.Context(), entryKey{}, &e)))
		level := slog.LevelInfo
		attrs := make([]slog.Attr, 0, 8)
		attrs = append(attrs, slog.String("method", r.Method), slog.String("path", r.URL.Path),
			slog.Int("status", e.status), slog.Duration("took", time.Since(begun)))
		if e.receipt != nil {
			attrs = append(attrs, slog.String("order", e.receipt.Order.ID), slog.Any("outcome", e.receipt.Order.Status))
			if len(e.receipt.Degraded) > 0 {
				level = slog.LevelWarn
				attrs = append(attrs, slog.Any("degraded", e.receipt.Degraded))
			}
		}
		if e.err != nil {
			attrs = append(attrs, slog.String("error", e.err.Error()))
		}
		if e.status >= http.StatusInternalServerError {
			level = slog.LevelError
		}
		log.LogAttrs(r.Context(), level, "request", attrs...)
	})
}

// statusWriter remembers the status that was written.
type statusWriter struct {
	http.ResponseWriter
	status *int
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	*w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach what is underneath.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
