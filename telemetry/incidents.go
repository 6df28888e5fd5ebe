package telemetry

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"path"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/falsifiable/stability"
)

// Incidents makes one trace of each incident, from the first strike of a check on an instance to its recovery, so that its log records,
// its spans and its metric lead to one another:
//
//   - as a responder (it is one) it makes a span of each strike and of the end, and adds the event stability.violation to the
//     spans of some requests that are being served right then ([Incidents.Middleware]), which it links to;
//   - responders in [Incidents.Traced] are called with the trace in their context: behind [NewSlogHandler] their records carry trace_id;
//   - [Incidents.Handler] and [Incidents.Collector] put the trace on the counter of violations, as an exemplar.
//
// The trace's id is computed from the check, the instance and when it began, with a number of this process: nobody has to wait for
// anybody else to know it. Spans and exemplars need a TracerProvider; the ids in logs do not. Safe for concurrent use; a nil
// *Incidents does nothing.
type Incidents struct {
	tracer   trace.Tracer // nil without a provider
	salt     [16]byte
	requests requests

	mu     sync.Mutex
	latest map[checkName]Exemplar
}

type checkName struct{ contract, check string }

// Exemplar is the latest violation of a check, for its counter: the span that it made, and what was measured.
type Exemplar struct {
	TraceID trace.TraceID
	SpanID  trace.SpanID
	At      time.Time
	Value   float64
}

// exemplarsKept bounds the checks of which the latest incident is remembered.
const exemplarsKept = 10_000

var _ stability.RecoveryResponder = (*Incidents)(nil)

// NewIncidents returns incidents whose spans go to a provider; nil for none.
func NewIncidents(provider trace.TracerProvider) *Incidents {
	i := &Incidents{latest: make(map[checkName]Exemplar)}
	if provider != nil {
		i.tracer = provider.Tracer("github.com/falsifiable/stability/telemetry")
	}
	_, _ = rand.Read(i.salt[:]) // never fails; and were it zeros, ids would only be less unlikely to meet
	return i
}

// Name returns "trace".
func (*Incidents) Name() string { return "trace" }

// Context returns ctx with the incident that a violation belongs to as its span.
func (i *Incidents) Context(ctx context.Context, v stability.Violation) context.Context {
	if i == nil {
		return ctx
	}
	h := sha256.New()
	h.Write(i.salt[:])
	for _, s := range []string{v.Contract, v.Name, v.Labels.String()} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(s))))
		h.Write([]byte(s))
	}
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(v.Since.UnixNano())))
	sum := h.Sum(nil)
	return trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID(sum[:16]), SpanID: trace.SpanID(sum[16:24]), TraceFlags: trace.FlagsSampled,
	}))
}

// Respond makes a span of the strike. It never fails.
func (i *Incidents) Respond(ctx context.Context, v stability.Violation) error {
	if i == nil || i.tracer == nil {
		return nil
	}
	start := v.At
	if v.Strike == 1 {
		start = v.Since
	}
	event := trace.WithAttributes(attributes(v)...)
	_, span := i.tracer.Start(i.Context(ctx, v), "stability.violation", trace.WithTimestamp(start), event,
		trace.WithLinks(i.requests.links()...))
	span.AddEvent("stability.violation", trace.WithTimestamp(v.At), event)
	span.End(trace.WithTimestamp(v.At))
	if span.SpanContext().IsSampled() {
		i.remember(v, span.SpanContext())
	}
	i.requests.addEvent("stability.violation", event)
	return nil
}

// Recovered makes a span of the end. It never fails.
func (i *Incidents) Recovered(ctx context.Context, v stability.Violation, t stability.Transition) error {
	if i == nil || i.tracer == nil {
		return nil
	}
	_, span := i.tracer.Start(i.Context(ctx, v), "stability.recovery", trace.WithTimestamp(t.At), trace.WithAttributes(
		attribute.String("stability.contract", v.Contract), attribute.String("stability.check", v.Name),
		attribute.Float64("stability.value", t.Value), attribute.Float64("stability.threshold", t.Threshold),
		attribute.Float64("stability.lasted_seconds", t.At.Sub(v.Since).Seconds())))
	span.End(trace.WithTimestamp(t.At))
	return nil
}

// attributes say a violation; the evidence by its id, which is the same wherever the bundle is copied to.
func attributes(v stability.Violation) []attribute.KeyValue {
	all := []attribute.KeyValue{
		attribute.String("stability.contract", valid(v.Contract)), attribute.String("stability.check", valid(v.Name)),
		attribute.String("stability.expr", valid(v.Expr)), attribute.Float64("stability.value", v.Value),
		attribute.Float64("stability.threshold", v.Threshold), attribute.Int("stability.strike", v.Strike),
	}
	for _, a := range [][2]string{{"stability.labels", v.Labels.String()}, {"stability.cause", v.Cause}, {"stability.evidence.id", evidenceID(v)}} {
		if a[1] != "" {
			all = append(all, attribute.String(a[0], valid(a[1])))
		}
	}
	return all
}

func evidenceID(v stability.Violation) string {
	if v.Evidence == "" {
		return ""
	}
	return path.Base(filepath.ToSlash(v.Evidence))
}

func (i *Incidents) remember(v stability.Violation, span trace.SpanContext) {
	i.mu.Lock()
	defer i.mu.Unlock()
	name := checkName{v.Contract, v.Name}
	if _, known := i.latest[name]; known || len(i.latest) < exemplarsKept {
		i.latest[name] = Exemplar{span.TraceID(), span.SpanID(), v.At, v.Value}
	}
}

// Latest returns the latest violation of a check that was recorded as a span; false if there is none.
func (i *Incidents) Latest(contract, check string) (e Exemplar, ok bool) {
	if i == nil {
		return e, false
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	e, ok = i.latest[checkName{contract, check}]
	return e, ok
}

// withExemplar returns the counter of a check's violations with the trace of the latest, if it is known.
func (i *Incidents) withExemplar(m prometheus.Metric, contract, check string) prometheus.Metric {
	e, ok := i.Latest(contract, check)
	if !ok {
		return m
	}
	with, err := prometheus.NewMetricWithExemplars(m, prometheus.Exemplar{
		Value: e.Value, Timestamp: e.At, Labels: prometheus.Labels{"trace_id": e.TraceID.String()}})
	if err != nil {
		return m // the counter matters more
	}
	return with
}

// Traced returns r, called with the trace of the incident in its context.
func (i *Incidents) Traced(r stability.Responder) stability.Responder {
	if recovers, ok := r.(stability.RecoveryResponder); ok {
		return tracedRecovery{traced{r, i}, recovers}
	}
	return traced{r, i}
}

type traced struct {
	stability.Responder
	incidents *Incidents
}

func (t traced) Respond(ctx context.Context, v stability.Violation) error {
	return t.Responder.Respond(t.incidents.Context(ctx, v), v)
}

type tracedRecovery struct {
	traced
	recovers stability.RecoveryResponder
}

func (t tracedRecovery) Recovered(ctx context.Context, v stability.Violation, end stability.Transition) error {
	return t.recovers.Recovered(t.incidents.Context(ctx, v), v, end)
}
