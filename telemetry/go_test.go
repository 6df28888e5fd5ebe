package telemetry

import (
	"bytes"
	"context"
	"runtime/pprof"
	"strings"
	"testing"
	"testing/synctest"

	"go.opentelemetry.io/otel/trace"
)

// ofRequest returns a context as that of a request: with a span and a profiler label.
func ofRequest(t *testing.T, route string) context.Context {
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{15: 7}, SpanID: trace.SpanID{7: 1}})
	return pprof.WithLabels(trace.ContextWithSpanContext(t.Context(), span), pprof.Labels("route", route))
}

// labeled returns how many goroutines a profile shows with that route.
func labeled(t *testing.T, route string) int {
	t.Helper()
	var b bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&b, 1); err != nil {
		t.Fatal(err)
	}
	return strings.Count(b.String(), `"route":"`+route+`"`)
}

func TestGo(t *testing.T) {
	ctx := ofRequest(t, "go-test")
	ready, done := make(chan trace.SpanContext), make(chan struct{})
	Go(ctx, func(ctx context.Context) {
		ready <- trace.SpanContextFromContext(ctx)
		<-done
	})
	if got := <-ready; got.TraceID() != (trace.TraceID{15: 7}) {
		t.Errorf("the goroutine's trace is %v", got.TraceID())
	}
	if n := labeled(t, "go-test"); n != 1 {
		t.Errorf("a profile shows %d goroutines with the label", n)
	}
	close(done)
}

// A worker has the labels of who gave it the work, and those only while it is at it, also when the work panics.
func TestRun(t *testing.T) {
	ctx := ofRequest(t, "run-test")
	during := 0
	Run(ctx, func(context.Context) { during = labeled(t, "run-test") })
	if after := labeled(t, "run-test"); during != 1 || after != 0 {
		t.Errorf("a profile shows %d goroutines with the label during the work, %d after it", during, after)
	}
	func() {
		defer func() { _ = recover() }()
		Run(ctx, func(context.Context) { panic("the work's own") })
	}()
	if n := labeled(t, "run-test"); n != 0 {
		t.Error("a panic leaves the label behind")
	}
	if n := testing.AllocsPerRun(100, func() { Run(ctx, func(context.Context) {}) }); n > 0 {
		t.Errorf("Run allocates %v times", n)
	}
}

// Without a provider the records of an incident have one trace all the same.
func TestIncidentsWithoutAProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := NewIncidents(nil)
		v := violation("payment")
		first := trace.SpanContextFromContext(i.Context(t.Context(), v))
		v.Strike = 3
		v.Value = 99
		if again := trace.SpanContextFromContext(i.Context(t.Context(), v)); !first.IsValid() || again.TraceID() != first.TraceID() {
			t.Errorf("the third strike has trace %v, the first %v", again.TraceID(), first.TraceID())
		}
		if other := trace.SpanContextFromContext(i.Context(t.Context(), violation("other"))); other.TraceID() == first.TraceID() {
			t.Error("two incidents have one trace")
		}
		if other := trace.SpanContextFromContext(NewIncidents(nil).Context(t.Context(), v)); other.TraceID() == first.TraceID() {
			t.Error("two processes have one trace")
		}
		if err := i.Respond(t.Context(), v); err != nil {
			t.Error(err)
		}
		var none *Incidents
		if ctx := none.Context(t.Context(), v); trace.SpanContextFromContext(ctx).IsValid() {
			t.Error("no incidents have a trace")
		}
	})
}
