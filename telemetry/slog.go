package telemetry

import (
	"context"
	"log/slog"
	"slices"

	"go.opentelemetry.io/otel/trace"
)

// NewSlogHandler returns a handler that adds trace_id and span_id, those of the OpenTelemetry span in the context, to
// each record and hands it to inner. They are at the top level even in a logger with groups, so that one query finds
// all that belongs to a trace. A record without a span is handed on as it is, at no cost.
//
// A handler that it returned is returned as it is. It is as safe for concurrent use as inner.
func NewSlogHandler(inner slog.Handler) slog.Handler {
	if own, ok := inner.(*traceHandler); ok {
		return own
	}
	return &traceHandler{inner: inner, top: inner}
}

type traceHandler struct {
	inner slog.Handler
	top   slog.Handler // inner as it was before the first group was opened
	steps []step       // what made inner of top
}

// step is a WithGroup, or a WithAttrs when group is empty.
type step struct {
	group string
	attrs []slog.Attr
}

func (s step) apply(h slog.Handler) slog.Handler {
	if s.group != "" {
		return h.WithGroup(s.group)
	}
	return h.WithAttrs(s.attrs)
}

func (h *traceHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.inner.Enabled(ctx, level)
}

func (h *traceHandler) Handle(ctx context.Context, r slog.Record) error {
	span := trace.SpanContextFromContext(ctx)
	if !span.IsValid() {
		return h.inner.Handle(ctx, r)
	}
	ids := []slog.Attr{
		slog.String("trace_id", span.TraceID().String()),
		slog.String("span_id", span.SpanID().String()),
	}
	if len(h.steps) == 0 {
		r = r.Clone()
		r.AddAttrs(ids...)
		return h.inner.Handle(ctx, r)
	}
	// Attributes added now would land in the open group, so the groups are opened again behind the ids.
	inner := h.top.WithAttrs(ids)
	for _, s := range h.steps {
		inner = s.apply(inner)
	}
	return inner.Handle(ctx, r)
}

func (h *traceHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	return h.with(step{attrs: attrs})
}

func (h *traceHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.with(step{group: name})
}

func (h *traceHandler) with(s step) slog.Handler {
	inner := s.apply(h.inner)
	if len(h.steps) == 0 && s.group == "" {
		return &traceHandler{inner: inner, top: inner}
	}
	return &traceHandler{inner: inner, top: h.top, steps: append(slices.Clone(h.steps), s)}
}
