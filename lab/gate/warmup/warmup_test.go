package warmup

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability/lab/gate"
)

var now = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// fake answers as a Prometheus does for one counter, sampled each half hour from so many hours ago, with the value that
// value tells for an hour ago.
func fake(t *testing.T, hours int, value func(ago float64) float64) *httptest.Server {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/annotations") {
			fmt.Fprintf(w, `[{"time": %d, "timeEnd": %d, "text": "deploy"}]`, now.Add(-50*time.Hour).UnixMilli(), now.Add(-48*time.Hour).UnixMilli())
			return
		}
		if q := r.FormValue("query"); !strings.HasPrefix(q, "stability_contract_violation_total") || !strings.HasSuffix(q, "[1d]") {
			t.Errorf("query %q", q)
		}
		end, err := strconv.ParseFloat(r.FormValue("time"), 64)
		if err != nil {
			t.Error(err)
		}
		var values [][2]any
		for ago := float64(hours); ago >= 0; ago -= 0.5 {
			at := float64(now.Unix()) - ago*3600
			if at <= end && at > end-86400 {
				values = append(values, [2]any{at, fmt.Sprint(value(ago))})
			}
		}
		result := []any{}
		if len(values) > 0 {
			result = append(result, map[string]any{"metric": map[string]string{"contract": "sla", "check": "heap", "instance": "a"}, "values": values})
		}
		json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": map[string]any{"result": result}})
	}))
	t.Cleanup(server.Close)
	return server
}

// steps is a counter that grows by one at each of these hours ago.
func steps(at ...float64) func(float64) float64 {
	return func(ago float64) (n float64) {
		for _, a := range at {
			if ago <= a {
				n++
			}
		}
		return n
	}
}

func TestWarmup(t *testing.T) {
	incidents := filepath.Join(t.TempDir(), "incidents")
	text := fmt.Sprintf("# one\n%s %s disk full\n", now.Add(-101*time.Hour).Format(time.RFC3339), now.Add(-99*time.Hour).Format(time.RFC3339))
	if err := os.WriteFile(incidents, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		hours   int
		value   func(float64) float64
		config  Config
		code    int
		message string
	}{
		{"quiet", 24 * 7, steps(), Config{}, gate.ExitPassed, ""},
		{"quiet, for a day only", 24, steps(), Config{}, gate.ExitFailed, "sla/heap was watched for 25 of 168 hours"},
		{"quiet, for the day that is asked for", 24, steps(), Config{Days: 1}, gate.ExitPassed, ""},
		{"an alarm", 24 * 7, steps(100), Config{}, gate.ExitFailed, "violated 1 times in 7 days without an incident, last at 2026-11-26T08:00:00Z"},
		{"an alarm in an incident", 24 * 7, steps(100), Config{Incidents: []string{incidents}}, gate.ExitPassed, "violated 1 times, all within incidents"},
		{"one in an incident and one not", 24 * 7, steps(100, 30), Config{Incidents: []string{incidents}}, gate.ExitFailed, "violated 1 times in 7 days"},
		{"one that is allowed", 24 * 7, steps(100), Config{Allowed: 1}, gate.ExitPassed, ""},
		{"a process that began anew", 24 * 7, func(ago float64) float64 {
			if ago > 80 {
				return 5
			}
			return 0
		}, Config{}, gate.ExitPassed, ""},
		{"violated after it began anew", 24 * 7, func(ago float64) float64 {
			if ago > 80 {
				return 5
			}
			return 2
		}, Config{}, gate.ExitFailed, "violated 2 times"},
		{"nothing there", -1, steps(), Config{}, gate.ExitOpen, ""},
	} {
		server := fake(t, test.hours, test.value)
		cfg := test.config
		cfg.Prometheus, cfg.Now = server.URL, now
		g, err := Run(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if g.ExitCode() != test.code || test.message != "" && (len(g.Findings) == 0 || !strings.Contains(g.Findings[0].Message, test.message)) {
			t.Errorf("%s: exit code %d, want %d: %+v", test.name, g.ExitCode(), test.code, g)
		}
	}
	server := fake(t, 24*7, steps(49))
	g, err := Run(t.Context(), Config{Prometheus: server.URL, Now: now, Annotations: server.URL + "/annotations?tags=incident"})
	if err != nil || g.ExitCode() != gate.ExitPassed {
		t.Errorf("an alarm within an annotation: %+v, %v", g, err)
	}
}

func TestRefusals(t *testing.T) {
	if _, err := Run(t.Context(), Config{Prometheus: "prometheus"}); err == nil {
		t.Error("a URL that is none")
	}
	g, err := Run(t.Context(), Config{Prometheus: "http://127.0.0.1:1"})
	if err != nil || g.ExitCode() != gate.ExitOpen {
		t.Errorf("nobody there: %+v, %v", g, err)
	}
	for text, want := range map[string]string{
		"2026-11-30T12:00:00Z 2026-11-30T11:00:00Z x": "file:1: want two times",
		"\n2026-11-30T12:00:00Z x y":                  "file:2: want two times",
		"2026-11-30T12:00:00Z 2026-11-30T13:00:00Z":   "file:1: want START END",
	} {
		if _, err := parseIncidents("file", strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
