package otlp

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/telemetry"
)

// The ways in which a request hands work to another goroutine. Each test does it as a service would, with a real tracer, and
// then asks whether the span of the work is a child of the request's.
var handovers = map[string]func(ctx context.Context, work func(ctx context.Context)){
	"go": func(ctx context.Context, work func(context.Context)) {
		done := make(chan struct{})
		telemetry.Go(ctx, func(ctx context.Context) {
			defer close(done)
			work(ctx)
		})
		<-done
	},
	"go that outlives the request": func(ctx context.Context, work func(context.Context)) {
		ctx, cancel := context.WithCancel(ctx)
		done := make(chan struct{})
		telemetry.Go(context.WithoutCancel(ctx), func(ctx context.Context) {
			defer close(done)
			if ctx.Err() == nil {
				work(ctx)
			}
		})
		cancel()
		<-done
	},
	"errgroup": func(ctx context.Context, work func(context.Context)) {
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() error { work(ctx); return nil }) // the group's context carries the span; its goroutine the labels
		_ = group.Wait()
	},
	"channel": func(ctx context.Context, work func(context.Context)) {
		type message struct {
			ctx  context.Context // goes with the message: the receiver has none of its own
			done chan struct{}
		}
		messages := make(chan message)
		go func() {
			m := <-messages
			telemetry.Run(m.ctx, work)
			close(m.done)
		}()
		m := message{ctx, make(chan struct{})}
		messages <- m
		<-m.done
	},
	"timer": func(ctx context.Context, work func(context.Context)) {
		done := make(chan struct{})
		time.AfterFunc(time.Millisecond, func() {
			defer close(done)
			telemetry.Run(ctx, work)
		})
		<-done
	},
	"worker pool": func(ctx context.Context, work func(context.Context)) {
		jobs := make(chan func())
		for range 3 {
			go func() {
				for job := range jobs {
					job()
				}
			}()
		}
		defer close(jobs)
		done := make(chan struct{})
		jobs <- func() {
			defer close(done)
			telemetry.Run(ctx, work)
		}
		<-done
	},
}

func TestSpansSurviveTheHandover(t *testing.T) {
	for name, handOver := range handovers {
		t.Run(name, func(t *testing.T) {
			recorder := tracetest.NewSpanRecorder()
			tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)).Tracer("test")
			ctx, request := tracer.Start(t.Context(), "request")
			handOver(ctx, func(ctx context.Context) {
				_, span := tracer.Start(ctx, "work")
				span.End()
			})
			request.End()
			ended := recorder.Ended()
			i := slices.IndexFunc(ended, func(s sdktrace.ReadOnlySpan) bool { return s.Name() == "work" })
			if i < 0 || ended[i].Parent().SpanID() != request.SpanContext().SpanID() {
				t.Errorf("the work is no child of the request: %v", ended)
			}
		})
	}
}

// A violation is an event on the spans of requests that are being served, and its own span links to them; what has been served,
// and what nobody records, is left alone.
func TestAViolationIsAnEventOfTheRequestsInFlight(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	incidents := telemetry.NewIncidents(provider)
	arrived, release := make(chan struct{}), make(chan struct{})
	handler := incidents.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			arrived <- struct{}{}
			<-release
		}
	}))
	serve := func(path string) {
		ctx, span := provider.Tracer("test").Start(t.Context(), path)
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", path, nil))
		span.End()
	}
	serve("/quick")
	done := make(chan struct{})
	go func() { serve("/slow"); close(done) }()
	<-arrived
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/untraced", nil))
	at := time.Now()
	v := stability.Violation{Contract: "c", Name: "k", Strike: 1, At: at, Since: at.Add(-time.Second)}
	if err := incidents.Respond(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	close(release)
	<-done
	if err := incidents.Recovered(t.Context(), v, stability.Transition{At: at.Add(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	spans := make(map[string]sdktrace.ReadOnlySpan)
	for _, s := range recorder.Ended() {
		spans[s.Name()] = s
	}
	broke, over := spans["stability.violation"], spans["stability.recovery"]
	if len(spans["/quick"].Events()) != 0 || len(spans["/slow"].Events()) != 1 || spans["/slow"].Events()[0].Name != "stability.violation" {
		t.Errorf("events: %v and %v", spans["/quick"].Events(), spans["/slow"].Events())
	}
	if links := broke.Links(); len(links) != 1 || links[0].SpanContext.SpanID() != spans["/slow"].SpanContext().SpanID() {
		t.Errorf("links: %v", links)
	}
	if broke.SpanContext().TraceID() != over.SpanContext().TraceID() || !broke.StartTime().Equal(v.Since) {
		t.Errorf("the incident is %v from %v, its end %v", broke.SpanContext().TraceID(), broke.StartTime(), over.SpanContext().TraceID())
	}
}

// What a request costs with a tracer that records and the middleware, with the middleware alone, and with neither.
func BenchmarkRequest(b *testing.B) {
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(sdktrace.NewBatchSpanProcessor(tracetest.NewNoopExporter())))
	tracer := provider.Tracer("bench")
	plain := http.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	known := telemetry.NewIncidents(provider).Middleware(plain)
	for name, serve := range map[string]func(r *http.Request){
		"plain":   func(r *http.Request) { plain.ServeHTTP(nil, r) },
		"untaken": func(r *http.Request) { known.ServeHTTP(nil, r) },
		"traced": func(r *http.Request) {
			ctx, span := tracer.Start(r.Context(), "GET /")
			plain.ServeHTTP(nil, r.WithContext(ctx))
			span.End()
		},
		"traced and known": func(r *http.Request) {
			ctx, span := tracer.Start(r.Context(), "GET /")
			known.ServeHTTP(nil, r.WithContext(ctx))
			span.End()
		},
	} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest("GET", "/", nil)
			b.ReportAllocs()
			for b.Loop() {
				serve(r)
			}
		})
	}
}

// Being known to the incidents costs a request no memory.
func TestMiddlewareAllocatesNothing(t *testing.T) {
	provider := sdktrace.NewTracerProvider()
	handler := telemetry.NewIncidents(provider).Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	ctx, span := provider.Tracer("test").Start(t.Context(), "request")
	defer span.End()
	for name, ctx := range map[string]context.Context{"recorded": ctx, "not recorded": trace.ContextWithSpan(t.Context(), nil)} {
		r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
		if n := testing.AllocsPerRun(100, func() { handler.ServeHTTP(nil, r) }); n > 0 {
			t.Errorf("%s: it allocates %v times", name, n)
		}
	}
}
