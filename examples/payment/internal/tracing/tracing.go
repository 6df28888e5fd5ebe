// Package tracing carries W3C trace context through the service, whether or not anybody collects traces: every log
// line and every call to a dependency can be told to the request that caused it.
package tracing

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net/http"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

var propagator propagation.TraceContext

// Handler continues the trace that a request brings in its traceparent header, or starts one.
func Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := propagator.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		next.ServeHTTP(w, r.WithContext(withSpan(ctx)))
	})
}

// Transport sends the trace of a request's context along with the request.
type Transport struct{ Base http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context()) // a RoundTripper must not change its request
	propagator.Inject(withSpan(r.Context()), propagation.HeaderCarrier(r.Header))
	return t.Base.RoundTrip(r)
}

// CloseIdleConnections lets http.Client.CloseIdleConnections reach the base.
func (t Transport) CloseIdleConnections() {
	if base, ok := t.Base.(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}

// withSpan makes a new span of the context's trace, or of a new trace if it has none, the context's span.
func withSpan(ctx context.Context) context.Context {
	parent := trace.SpanContextFromContext(ctx)
	span := parent.WithRemote(false).WithSpanID(newSpanID())
	if !parent.HasTraceID() {
		span = span.WithTraceID(newTraceID()).WithTraceFlags(trace.FlagsRandom)
	}
	return trace.ContextWithSpanContext(ctx, span)
}

// The generator is seeded by the runtime and never blocks; ids need be unique, not secret. An id of zeros is invalid.

func newSpanID() (id trace.SpanID) {
	binary.BigEndian.PutUint64(id[:], rand.Uint64()|1)
	return id
}

func newTraceID() (id trace.TraceID) {
	binary.BigEndian.PutUint64(id[:8], rand.Uint64())
	binary.BigEndian.PutUint64(id[8:], rand.Uint64()|1)
	return id
}
