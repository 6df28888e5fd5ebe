package alertmanager

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/internal/receiver"
	"github.com/falsifiable/stability/response"
	"github.com/falsifiable/stability/signals"
)

func TestOneIncidentIsOneAlert(t *testing.T) {
	to := receiver.New(t, "")
	r, err := New(Config{Poster: response.Poster{URL: to.URL + "/"}, Service: "pay", Labels: map[string]string{"team": "money"}})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	v := stability.Violation{Contract: "c", Name: "k", Expr: "a > 1", Severity: "page", Labels: signals.NewLabels("db.pool", "orders"), Since: at, At: at.Add(time.Minute)}
	end := stability.Transition{At: at.Add(10 * time.Minute)}
	if err := errors.Join(r.Respond(t.Context(), v), r.Recovered(t.Context(), v, end)); err != nil {
		t.Fatal(err)
	}
	var alerts [2][]alert
	for i, request := range to.Requests() {
		if err := json.Unmarshal(request.Body, &alerts[i]); err != nil || request.Path != "/api/v2/alerts" {
			t.Fatalf("%s: %v", request.Path, err)
		}
	}
	first, last := alerts[0][0], alerts[1][0]
	for name, want := range map[string]string{"alertname": "StabilityContractViolated", "contract": "c", "check": "k", "severity": "page", "service": "pay", "team": "money", "db_pool": "orders"} {
		if first.Labels[name] != want || last.Labels[name] != want {
			t.Errorf("label %s is %q, then %q, want %q", name, first.Labels[name], last.Labels[name], want)
		}
	}
	if !first.EndsAt.Equal(v.At.Add(time.Hour)) || !last.EndsAt.Equal(end.At) || !first.StartsAt.Equal(at) {
		t.Errorf("the alert runs from %v to %v, and is resolved at %v", first.StartsAt, first.EndsAt, last.EndsAt)
	}
	if _, err := New(Config{Poster: response.Poster{URL: to.URL}, Expires: -1}); err == nil {
		t.Error("a negative time is accepted")
	}
}
