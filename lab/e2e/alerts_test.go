//go:build e2e

package e2e

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"testing"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/internal/servers"
	"github.com/falsifiable/stability/response"
	"github.com/falsifiable/stability/response/alertmanager"
	"github.com/falsifiable/stability/signals"
)

// The rules fire when they should and are silent when they should, in Prometheus' own words.
func TestPrometheusRules(t *testing.T) {
	for _, args := range [][]string{{"check", "rules", "rules.yml"}, {"test", "rules", "rules_test.yml"}} {
		cmd := exec.Command("promtool", args...)
		cmd.Dir = "../../deploy/prometheus"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
}

// A real Alertmanager has one alert for an incident, however many strikes it is told, and none when it has ended.
func TestAlertmanager(t *testing.T) {
	server, err := servers.Alertmanager(t.Context(), t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	active := func() (n int) {
		answer, err := http.Get("http://" + server.Address + "/api/v2/alerts?active=true")
		if err != nil {
			return -1
		}
		defer answer.Body.Close()
		var alerts []json.RawMessage
		if json.NewDecoder(answer.Body).Decode(&alerts) != nil {
			return -1
		}
		return len(alerts)
	}
	r, err := alertmanager.New(alertmanager.Config{Poster: response.Poster{URL: "http://" + server.Address}, Service: "pay"})
	if err != nil {
		t.Fatal(err)
	}
	v := stability.Violation{Contract: "sla", Name: "db", Expr: "x > 1", Severity: "page", Labels: signals.NewLabels("db.pool", "orders"), At: time.Now(), Since: time.Now().Add(-time.Minute)}
	for v.Strike = 1; v.Strike <= 3; v.Strike++ {
		if err := r.Respond(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	if !eventually(30*time.Second, func() bool { return active() == 1 }) {
		t.Errorf("%d alerts of one incident", active())
	}
	if err := r.Recovered(t.Context(), v, stability.Transition{At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if !eventually(30*time.Second, func() bool { return active() == 0 }) {
		t.Errorf("%d alerts after the end", active())
	}
}
