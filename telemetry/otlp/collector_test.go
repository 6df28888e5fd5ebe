//go:build e2e

package otlp

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability/internal/servers"
	"github.com/falsifiable/stability/response/logging"
	"github.com/falsifiable/stability/telemetry"
)

const hack = "../../lab/e2e/hack"

// A violation goes through a real Collector, its log on into a real store, and wherever it arrives it leads to the rest by its trace and
// by the id of its evidence.
func TestThroughARealCollector(t *testing.T) {
	store, err := servers.VictoriaLogs(t.Context(), hack, t.TempDir())
	if errors.Is(err, servers.ErrNotToBeHad) {
		t.Skip("NOT RUN:", err)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Stop)
	collector, err := servers.Collector(t.Context(), hack, t.TempDir(), "http://"+store.Address+"/insert/opentelemetry/v1/logs")
	if errors.Is(err, servers.ErrNotToBeHad) {
		t.Skip("NOT RUN:", err)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(collector.Stop)
	environment(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + collector.Address})
	x, err := Start(t.Context(), Config{Service: "pay"})
	if err != nil {
		t.Fatal(err)
	}
	incidents := telemetry.NewIncidents(x.TracerProvider())
	m, saved := violated(t, incidents, logging.Responder{Logger: slog.New(telemetry.NewSlogHandler(x.Tee(slog.DiscardHandler)))})
	x.Watch(m, incidents)
	latest, ok := incidents.Latest("payment", "level")
	if !ok {
		t.Fatal("the incident is not known")
	}
	if err := x.Shutdown(t.Context()); err != nil { // which sends what is waiting
		t.Fatal(err)
	}
	id, evidence := latest.TraceID.String(), filepath.Base(saved)
	await(t, "the traces", collector.Output, `(?s)Trace ID +: `+id+`.*Name +: stability\.violation.*Events:.*Name: stability\.violation`)
	await(t, "the evidence in a span", collector.Output, `stability\.evidence\.id: Str\(`+regexp.QuoteMeta(evidence)+`\)`)
	await(t, "the logs", collector.Output, `(?s)LogRecord.*contract: Str\(payment\).*Trace ID: `+id)
	await(t, "the exemplar", collector.Output, `(?s)stability\.contract\.violations.*Exemplars.*Trace ID: `+id)
	want := map[string]string{"trace_id": id, "contract": "payment", "check": "level", "evidence": saved, "service.name": "pay"}
	record := find(t, store.Address, "trace_id:"+id+" AND evidence:*")
	for field, value := range want {
		if record[field] != value {
			t.Errorf("the store has %s=%q, want %q", field, record[field], value)
		}
	}
	if !regexp.MustCompile("^[0-9a-f]{16}$").MatchString(record["span_id"]) || !strings.Contains(record["_msg"], "contract violated") {
		t.Errorf("the record in the store is %v", record)
	}
}

// await waits until a file matches.
func await(t *testing.T, what, file, pattern string) {
	t.Helper()
	matches := regexp.MustCompile(pattern)
	for end := time.Now().Add(time.Minute); ; <-time.After(100 * time.Millisecond) {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if matches.Match(content) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s did not arrive: nothing matches %s in\n%s", what, pattern, content)
		}
	}
}

// find returns a record of the store that answers a query.
func find(t *testing.T, address, query string) (record map[string]string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; <-time.After(200 * time.Millisecond) {
		response, err := http.Get("http://" + address + "/select/logsql/query?limit=1&query=" + url.QueryEscape(query))
		if err != nil {
			t.Fatal(err)
		}
		err = json.NewDecoder(response.Body).Decode(&record)
		response.Body.Close()
		if err == nil {
			return record
		}
		if !errors.Is(err, io.EOF) || time.Now().After(end) {
			t.Fatalf("the store has no answer to %s: %v", query, err)
		}
	}
}
