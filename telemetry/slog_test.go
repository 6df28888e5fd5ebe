package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"testing/slogtest"

	"go.opentelemetry.io/otel/trace"
)

const (
	traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	spanID  = "00f067aa0ba902b7"
)

func inSpan(t testing.TB) context.Context {
	t.Helper()
	tid, err := trace.TraceIDFromHex(traceID)
	if err != nil {
		t.Fatal(err)
	}
	sid, err := trace.SpanIDFromHex(spanID)
	if err != nil {
		t.Fatal(err)
	}
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: tid, SpanID: sid})
	return trace.ContextWithSpanContext(t.Context(), span)
}

func TestSlogHandlerKeepsTheRulesOfSlog(t *testing.T) {
	var buf bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		buf.Reset()
		return NewSlogHandler(slog.NewJSONHandler(&buf, nil))
	}, func(t *testing.T) map[string]any {
		var record map[string]any
		if err := json.Unmarshal(buf.Bytes(), &record); err != nil {
			t.Fatal(err)
		}
		return record
	})
}

func TestTraceIDsAreAtTheTop(t *testing.T) {
	for _, test := range []struct {
		name string
		with func(*slog.Logger) *slog.Logger
		want string // what else the line holds
	}{
		{"plain", func(l *slog.Logger) *slog.Logger { return l }, `"order":7`},
		{"attributes", func(l *slog.Logger) *slog.Logger { return l.With("service", "payment") }, `"service":"payment","order":7`},
		{"group", func(l *slog.Logger) *slog.Logger { return l.WithGroup("pay") }, `"pay":{"order":7}`},
		{"both", func(l *slog.Logger) *slog.Logger {
			return l.With("service", "payment").WithGroup("pay").With("by", "card").WithGroup("in")
		}, `"pay":{"by":"card","in":{"order":7}}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			var buf bytes.Buffer
			logger := test.with(slog.New(NewSlogHandler(slog.NewJSONHandler(&buf, nil))))
			logger.InfoContext(inSpan(t), "paid", "order", 7)
			var record map[string]any
			if err := json.Unmarshal(buf.Bytes(), &record); err != nil {
				t.Fatal(err)
			}
			if record["trace_id"] != traceID || record["span_id"] != spanID || !strings.Contains(buf.String(), test.want) {
				t.Errorf("the line is %s, want the ids at the top and %s", &buf, test.want)
			}
			buf.Reset()
			logger.InfoContext(t.Context(), "paid", "order", 7)
			if strings.Contains(buf.String(), "trace_id") || !strings.Contains(buf.String(), test.want) {
				t.Errorf("without a span the line is %s", &buf)
			}
		})
	}
}

// Loggers derived from one another must not write into each other's steps.
func TestDerivedLoggersAreApart(t *testing.T) {
	var buf bytes.Buffer
	base := slog.New(NewSlogHandler(slog.NewJSONHandler(&buf, nil))).WithGroup("g").With("a", 1).With("b", 2)
	first, second := base.With("first", true), base.With("second", true)
	first.InfoContext(inSpan(t), "x")
	if line := buf.String(); !strings.Contains(line, "first") || strings.Contains(line, "second") {
		t.Errorf("the first logger's line is %s", line)
	}
	buf.Reset()
	second.InfoContext(inSpan(t), "x")
	if line := buf.String(); strings.Contains(line, "first") || !strings.Contains(line, "second") {
		t.Errorf("the second logger's line is %s", line)
	}
}

// sink is a handler that costs nothing.
type sink struct{}

func (sink) Enabled(context.Context, slog.Level) bool  { return true }
func (sink) Handle(context.Context, slog.Record) error { return nil }
func (s sink) WithAttrs([]slog.Attr) slog.Handler      { return s }
func (s sink) WithGroup(string) slog.Handler           { return s }

func TestNoSpanCostsNothing(t *testing.T) {
	logger, ctx := slog.New(NewSlogHandler(sink{})), t.Context()
	if n := testing.AllocsPerRun(100, func() { logger.InfoContext(ctx, "paid") }); n != 0 {
		t.Errorf("a record without a span allocates %v times, want 0", n)
	}
}

func BenchmarkSlogHandler(b *testing.B) {
	logger := slog.New(NewSlogHandler(sink{}))
	for name, ctx := range map[string]context.Context{"span": inSpan(b), "none": b.Context()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				logger.InfoContext(ctx, "paid")
			}
		})
	}
}
