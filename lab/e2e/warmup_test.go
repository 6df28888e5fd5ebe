//go:build e2e

package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability/lab/gate"
	"github.com/falsifiable/stability/lab/gate/warmup"
)

// TestWarmupOnPrometheus asks a real Prometheus about a week that promtool has written into it: one check was quiet, one had an
// alarm, and the process began anew in between.
func TestWarmupOnPrometheus(t *testing.T) {
	now := time.Now().Truncate(time.Minute)
	url := startPrometheus(t, week(t, now))
	alarm := now.Add(-50 * time.Hour)
	g, err := warmup.Run(t.Context(), warmup.Config{Prometheus: url, Service: "payment", Now: now})
	if err != nil {
		t.Fatal(err)
	}
	if g.ExitCode() != gate.ExitFailed || len(g.Findings) != 1 || !strings.Contains(g.Findings[0].Message, "sla/heap was violated 1 times in 7 days") {
		t.Errorf("the week: %+v", g)
	}
	incidents := filepath.Join(t.TempDir(), "incidents")
	text := alarm.Add(-time.Minute).Format(time.RFC3339) + " " + alarm.Add(time.Minute).Format(time.RFC3339) + " disk full\n"
	if err := os.WriteFile(incidents, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if g, err = warmup.Run(t.Context(), warmup.Config{Prometheus: url, Service: "payment", Now: now, Incidents: []string{incidents}}); err != nil || g.ExitCode() != gate.ExitPassed {
		t.Errorf("with the incident: %+v, %v", g, err)
	}
	if g, err = warmup.Run(t.Context(), warmup.Config{Prometheus: url, Service: "other", Now: now}); err != nil || g.ExitCode() != gate.ExitOpen {
		t.Errorf("of a service that is not there: %+v, %v", g, err)
	}
}

// week writes a week of two counters, a sample a minute, in the OpenMetrics format.
func week(t *testing.T, now time.Time) string {
	name := filepath.Join(t.TempDir(), "week")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(file)
	fmt.Fprintln(w, "# TYPE stability_contract_violation counter")
	for _, check := range []string{"goroutines", "heap"} {
		for ago := 7 * 24 * time.Hour; ago >= 0; ago -= time.Minute {
			value := 0
			if check == "heap" && ago <= 50*time.Hour && ago > 20*time.Hour { // then it began anew
				value = 1
			}
			fmt.Fprintf(w, "stability_contract_violation_total{service=\"payment\",contract=\"sla\",check=%q} %d %d\n", check, value, now.Add(-ago).Unix())
		}
	}
	fmt.Fprintln(w, "# EOF")
	if err := errors.Join(w.Flush(), file.Close()); err != nil {
		t.Fatal(err)
	}
	return name
}

// startPrometheus starts one that has this history, and returns its URL.
func startPrometheus(t *testing.T, history string) string {
	dir := t.TempDir()
	data, config := filepath.Join(dir, "data"), filepath.Join(dir, "prometheus.yml")
	if output, err := exec.CommandContext(t.Context(), "promtool", "tsdb", "create-blocks-from", "openmetrics", history, data).CombinedOutput(); err != nil {
		t.Fatalf("promtool: %v: %s; make e2e installs it", err, output)
	}
	if err := os.WriteFile(config, []byte("global: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	command := exec.CommandContext(t.Context(), "prometheus", "--config.file="+config, "--storage.tsdb.path="+data, "--storage.tsdb.retention.time=30d", "--web.listen-address="+address, "--log.level=error")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { command.Process.Kill(); command.Wait() })
	ready := time.NewTicker(100 * time.Millisecond)
	defer ready.Stop()
	for range 300 {
		response, err := http.Get("http://" + address + "/-/ready")
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return "http://" + address
			}
		}
		<-ready.C
	}
	t.Fatal("Prometheus did not become ready")
	return ""
}
