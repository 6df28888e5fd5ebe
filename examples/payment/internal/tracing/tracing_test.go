package tracing

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace"
)

const traceID, spanID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"

// spanOf serves a request with that traceparent and returns the span its handler finds itself in.
func spanOf(t *testing.T, traceparent string) (span trace.SpanContext) {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
	if traceparent != "" {
		request.Header.Set("Traceparent", traceparent)
	}
	Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		span = trace.SpanContextFromContext(r.Context())
	})).ServeHTTP(httptest.NewRecorder(), request)
	return span
}

func TestHandlerContinues(t *testing.T) {
	span := spanOf(t, "00-"+traceID+"-"+spanID+"-01")
	if span.TraceID().String() != traceID || !span.IsSampled() {
		t.Errorf("got trace %s sampled=%t, want %s, sampled", span.TraceID(), span.IsSampled(), traceID)
	}
	if span.SpanID().String() == spanID || !span.IsValid() || span.IsRemote() {
		t.Errorf("got span %s, valid=%t remote=%t, want one of our own", span.SpanID(), span.IsValid(), span.IsRemote())
	}
}

func TestHandlerStarts(t *testing.T) {
	for _, header := range []string{"", "nonsense", "00-" + strings.Repeat("0", 32) + "-" + spanID + "-01"} {
		a, b := spanOf(t, header), spanOf(t, header)
		if !a.IsValid() || a.TraceID() == b.TraceID() {
			t.Errorf("traceparent %q: got traces %s and %s, want two new ones", header, a.TraceID(), b.TraceID())
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestTransport(t *testing.T) {
	var sent string
	transport := Transport{roundTrip(func(r *http.Request) (*http.Response, error) {
		sent = r.Header.Get("Traceparent")
		return httptest.NewRecorder().Result(), nil
	})}
	ctx := withSpan(t.Context())
	request := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
	if _, err := transport.RoundTrip(request); err != nil {
		t.Fatal(err)
	}
	span := trace.SpanContextFromContext(ctx)
	if !strings.HasPrefix(sent, "00-"+span.TraceID().String()+"-") || strings.Contains(sent, span.SpanID().String()) {
		t.Errorf("sent %q, want a child span of %s-%s", sent, span.TraceID(), span.SpanID())
	}
	if request.Header.Get("Traceparent") != "" {
		t.Error("the caller's request was changed")
	}
}
