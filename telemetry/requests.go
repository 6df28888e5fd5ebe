package telemetry

import (
	"net/http"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/trace"
)

// requestsKept is how many of the requests in flight are known: enough for examples, and the same memory under any load.
const requestsKept = 64

// requests knows the spans of some requests that are being served. Entering and leaving cost a few atomic operations and no memory;
// where a slot is taken the request is not one of the some.
type requests struct {
	next  atomic.Uint32
	slots [requestsKept]struct {
		sync.Mutex
		span trace.Span
	}
}

// enter returns the slot of a span, or -1.
func (r *requests) enter(span trace.Span) int {
	n := int(r.next.Add(1) % requestsKept)
	slot := &r.slots[n]
	if !slot.TryLock() {
		return -1
	}
	defer slot.Unlock()
	if slot.span != nil {
		return -1
	}
	slot.span = span
	return n
}

func (r *requests) leave(n int) {
	if n < 0 {
		return
	}
	slot := &r.slots[n]
	slot.Lock()
	slot.span = nil
	slot.Unlock()
}

// spans returns those that are there now.
func (r *requests) spans() (spans []trace.Span) {
	for n := range r.slots {
		slot := &r.slots[n]
		slot.Lock()
		if slot.span != nil {
			spans = append(spans, slot.span)
		}
		slot.Unlock()
	}
	return spans
}

func (r *requests) links() (links []trace.Link) {
	for _, span := range r.spans() {
		links = append(links, trace.Link{SpanContext: span.SpanContext()})
	}
	return links
}

// addEvent adds an event to each span. One that has ended meanwhile takes none.
func (r *requests) addEvent(name string, options ...trace.EventOption) {
	for _, span := range r.spans() {
		span.AddEvent(name, options...)
	}
}

// Middleware makes the requests in flight known, so that a violation can be seen in their traces. It belongs inside what starts the
// server's spans, such as otelhttp. It knows up to 64 requests at a time, costs no allocation, and nothing for a request whose span
// is not recorded.
func (i *Incidents) Middleware(next http.Handler) http.Handler {
	if i == nil || i.tracer == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		span := trace.SpanFromContext(r.Context())
		if !span.IsRecording() {
			next.ServeHTTP(w, r)
			return
		}
		n := i.requests.enter(span)
		defer i.requests.leave(n) // also when the handler panics
		next.ServeHTTP(w, r)
	})
}
