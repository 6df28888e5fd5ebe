//go:build e2e

package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/internal/servers"
	"github.com/falsifiable/stability/signals"
	"github.com/falsifiable/stability/telemetry"
)

// everything reads all standard signals, so that a real Prometheus has a series of each.
type everything struct {
	list []*signals.Signal
	n    float64
}

func (e *everything) Describe() []*signals.Signal { return e.list }

func (e *everything) Sample(dst *signals.Batch) {
	e.n++
	for _, s := range e.list {
		if labels := s.Desc().Labels; len(labels) > 0 {
			var pairs []string
			for _, l := range labels {
				pairs = append(pairs, l, "one")
			}
			dst.AddInstance(s, signals.NewLabels(pairs...), e.n)
			continue
		}
		dst.Add(s, e.n)
	}
}

// A real Prometheus has something to answer to every panel, and to each variable.
func TestPrometheusAnswersEveryPanel(t *testing.T) {
	if _, err := exec.LookPath("prometheus"); err != nil {
		t.Skip("NOT RUN: there is no prometheus")
	}
	server := httptest.NewServer(telemetry.Handler(service(t)))
	defer server.Close()
	prometheus, err := servers.Prometheus(t.Context(), t.TempDir(), []string{server.Listener.Addr().String()}, time.Second, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(prometheus.Stop)
	address := prometheus.Address
	var d dashboard
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &d); err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("$job", ".+", "$instance", ".+", "$__rate_interval", "1m", "[1h]", "[1m]")
	await(t, "two scrapes", func() bool { return ask(address, `count_over_time(stability_monitor_stale[1m]) > 3`) == nil })
	exprs := expressions(&d)
	if len(exprs) < 100 {
		t.Fatalf("only %d expressions", len(exprs))
	}
	for _, expr := range exprs {
		if err := ask(address, fill.Replace(expr)); err != nil {
			t.Errorf("%s: %v", expr, err)
		}
	}
	if ask(address, `stability_signal_nosuch`) == nil {
		t.Error("a metric that there is not is answered")
	}
}

// service is a monitor that reads everything, with a check that is violated a while after it was scraped first.
func service(t *testing.T) *stability.Monitor {
	t.Helper()
	e := &everything{}
	schema := signals.NewSchema(signals.Standard()...)
	for id := range schema.Len() {
		e.list = append(e.list, signals.Declare(schema.Desc(signals.ID(id))))
	}
	m := stability.NewMonitor(stability.Config{SampleInterval: 200 * time.Millisecond, Warmup: -1, Logger: slog.New(slog.DiscardHandler)})
	for _, source := range []signals.Source{e, signals.GaugeFunc("level", signals.Count, func() float64 { return e.n })} {
		if err := m.Attach(source); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Register(&stability.Contract{Name: "c", Interval: time.Second, Checks: []stability.Check{{Name: "k", Expr: "level > 30"}}}); err != nil {
		t.Fatal(err)
	}
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Stop)
	return m
}

// ask returns an error unless Prometheus answers a query by at least one series.
func ask(address, query string) error {
	response, err := http.Get("http://" + address + "/api/v1/query?query=" + url.QueryEscape(query))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var answer struct {
		Status, Error string
		Data          struct{ Result []json.RawMessage }
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.Status != "success" || len(answer.Data.Result) == 0 {
		return fmt.Errorf("%s %s, %d series", answer.Status, answer.Error, len(answer.Data.Result))
	}
	return nil
}

func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !so(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %s within a minute", what)
		}
	}
}
