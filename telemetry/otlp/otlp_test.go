package otlp

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	collectorlogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	collectormetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/evidence"
	"github.com/falsifiable/stability/response/logging"
	"github.com/falsifiable/stability/signals"
	"github.com/falsifiable/stability/telemetry"
)

// received is what a Collector was sent.
type received struct {
	mu      sync.Mutex
	traces  collectortrace.ExportTraceServiceRequest
	logs    collectorlogs.ExportLogsServiceRequest
	metrics collectormetrics.ExportMetricsServiceRequest
}

func (r *received) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body := io.Reader(request.Body)
	if request.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = unpacked
	}
	content, err := io.ReadAll(body)
	to := map[string]proto.Message{"/v1/traces": &r.traces, "/v1/logs": &r.logs, "/v1/metrics": &r.metrics}[request.URL.Path]
	if to == nil || err != nil {
		http.NotFound(w, request)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := (proto.UnmarshalOptions{Merge: true}).Unmarshal(content, to); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

// environment sets variables for the exporters, which read the process's own, and clears all others of their kind.
func environment(t *testing.T, set map[string]string) {
	t.Helper()
	for _, name := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER",
		"OTEL_LOGS_EXPORTER", "OTEL_SDK_DISABLED", "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL"} {
		t.Setenv(name, set[name])
	}
}

// The three signals of an incident reach a Collector, and lead to one another by one trace id.
func TestAnIncidentIsOneTrace(t *testing.T) {
	var r received
	server := httptest.NewServer(&r)
	defer server.Close()
	environment(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": server.URL, "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=test"})
	x, err := Start(t.Context(), Config{Service: "pay"})
	if err != nil {
		t.Fatal(err)
	}
	incidents := telemetry.NewIncidents(x.TracerProvider())
	logger := slog.New(telemetry.NewSlogHandler(x.Tee(slog.DiscardHandler)))
	m, saved := violated(t, incidents, logging.Responder{Logger: logger})
	x.Watch(m, incidents)
	page := scrape(t, incidents, m)
	if err := x.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	var trace []byte
	for _, resource := range r.traces.ResourceSpans {
		for _, span := range resource.ScopeSpans[0].Spans {
			if span.Name == "stability.violation" && len(span.Events) == 1 && span.Events[0].Name == "stability.violation" {
				trace = span.TraceId
			}
		}
		if text := resource.Resource.String(); !strings.Contains(text, `"pay"`) || !strings.Contains(text, `"test"`) {
			t.Errorf("the resource is %s", text)
		}
	}
	if text := r.traces.String(); !strings.Contains(text, filepath.Base(saved)) {
		t.Errorf("no span names the evidence %s: %s", saved, text)
	}
	if len(trace) != 16 {
		t.Fatalf("no span has the violation: %v", &r.traces)
	}
	records := 0
	for _, resource := range r.logs.ResourceLogs {
		for _, record := range resource.ScopeLogs[0].LogRecords {
			if records++; !bytes.Equal(record.TraceId, trace) || !strings.Contains(record.String(), "contract violated") {
				t.Errorf("the log record %v is not of the trace %x", record, trace)
			}
		}
	}
	exemplified := false
	for _, resource := range r.metrics.ResourceMetrics {
		for _, metric := range resource.ScopeMetrics[0].Metrics {
			for _, point := range metric.GetSum().GetDataPoints() {
				exemplified = exemplified || len(point.Exemplars) == 1 && bytes.Equal(point.Exemplars[0].TraceId, trace)
			}
		}
	}
	if !exemplified {
		t.Error("no counter that is sent has the trace as its exemplar")
	}
	if text := r.metrics.String(); records == 0 || !strings.Contains(text, `"stability.check.state"`) || !strings.Contains(text, `"level"`) || !strings.Contains(text, "stability.contract.violations") {
		t.Errorf("%d log records; the metrics are %s", records, text)
	}
	if want := strings.ToLower(hex(trace)); !strings.Contains(page, `# {trace_id="`+want+`"} 11`) {
		t.Errorf("no counter has the exemplar %s:\n%s", want, page)
	}
}

func hex(id []byte) string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	for _, c := range id {
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}

// violated returns a monitor whose contract is violated, and the evidence of it, once the responders were told of both.
func violated(t *testing.T, incidents *telemetry.Incidents, log stability.Responder) (m *stability.Monitor, saved string) {
	t.Helper()
	capturer, err := evidence.Open(evidence.Config{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	logged, traced := &waits{Responder: log, told: make(chan string, 1)}, &waits{Responder: incidents, told: make(chan string, 1)}
	m = stability.NewMonitor(stability.Config{SampleInterval: time.Millisecond, Warmup: -1, Logger: slog.New(slog.DiscardHandler), Evidence: capturer,
		Responses: []stability.Response{{Responder: incidents.Traced(logged)}, {Responder: traced}}})
	if err := m.Attach(signals.GaugeFunc("level", signals.Count, func() float64 { return 11 })); err != nil {
		t.Fatal(err)
	}
	if err := m.Register(&stability.Contract{Name: "payment", Interval: 10 * time.Millisecond, Checks: []stability.Check{{Name: "level", Expr: "level > 10"}}}); err != nil {
		t.Fatal(err)
	}
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Stop)
	<-traced.told
	return m, <-logged.told
}

// waits tells the evidence of a violation once a responder has been called with it.
type waits struct {
	stability.Responder
	told chan string
}

func (w *waits) Respond(ctx context.Context, v stability.Violation) error {
	err := w.Responder.Respond(ctx, v)
	if v.Evidence != "" {
		select {
		case w.told <- v.Evidence:
		default: // it was told
		}
	}
	return err
}

func scrape(t *testing.T, incidents *telemetry.Incidents, m *stability.Monitor) string {
	t.Helper()
	request := httptest.NewRequest("GET", "/metrics", nil)
	request.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	w := httptest.NewRecorder()
	incidents.Handler(m).ServeHTTP(w, request)
	return w.Body.String()
}

// Nothing is sent until it is asked for; what cannot be followed is named.
func TestOffByDefault(t *testing.T) {
	for name, test := range map[string]struct {
		set  map[string]string
		on   int // how many of the three signals
		want string
	}{
		"nothing set":        {},
		"disabled":           {set: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"}},
		"one":                {set: map[string]string{"OTEL_LOGS_EXPORTER": "otlp"}, on: 1},
		"all but one":        {set: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"}, on: 2},
		"grpc":               {set: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, on: 3},
		"a protocol of one":  {set: map[string]string{"OTEL_LOGS_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "http/json"}, want: "http/json: want http/protobuf or grpc"},
		"an exporter":        {set: map[string]string{"OTEL_TRACES_EXPORTER": "zipkin"}, want: "OTEL_TRACES_EXPORTER=zipkin: want otlp or none"},
		"resource misquoted": {set: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_RESOURCE_ATTRIBUTES": "test"}, want: "OTEL_RESOURCE_ATTRIBUTES"},
	} {
		t.Run(name, func(t *testing.T) {
			environment(t, test.set)
			x, err := Start(t.Context(), Config{Service: "pay"})
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%v, want %q", err, test.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			on := 0
			for _, is := range []bool{x.TracerProvider() != nil, x.metrics != nil, x.logs != nil} {
				if is {
					on++
				}
			}
			if on != test.on {
				t.Errorf("%d signals are sent, want %d", on, test.on)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // nobody is there to be waited for
			_ = x.Shutdown(ctx)
		})
	}
}

// A Collector that hangs delays nobody: what does not fit is dropped.
func TestAHangingCollectorDelaysNobody(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	environment(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": server.URL})
	x, err := Start(t.Context(), Config{Service: "pay"})
	if err != nil {
		t.Fatal(err)
	}
	tracer, logger := x.TracerProvider().Tracer("test"), slog.New(x.Tee(slog.DiscardHandler))
	for range 20_000 { // far more than the queues take; if one waited, the test would hang
		_, span := tracer.Start(t.Context(), "work")
		logger.Info("work")
		span.End()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = x.Shutdown(ctx)
}
