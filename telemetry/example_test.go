package telemetry_test

import (
	"context"
	"log/slog"
	"net/http"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/telemetry"
)

func ExampleHandler() {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", telemetry.Handler(stability.Default(), prometheus.DefaultGatherer))
}

func ExampleNewSlogHandler() {
	leaveOutTime := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	logger := slog.New(telemetry.NewSlogHandler(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: leaveOutTime})))
	// A tracing middleware puts the span into the context of a request.
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{15: 7}, SpanID: trace.SpanID{7: 1}})
	ctx := trace.ContextWithSpanContext(context.Background(), span)
	logger.InfoContext(ctx, "paid", "order", 7)
	// Output: level=INFO msg=paid order=7 trace_id=00000000000000000000000000000007 span_id=0000000000000001
}
