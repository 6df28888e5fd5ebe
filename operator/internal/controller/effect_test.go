package controller

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/falsifiable/stability/operator/api/v1alpha1"
	"github.com/falsifiable/stability/operator/internal/budget"
)

// What came of actions is told apart by whether the same workload violated again within the hour, and is said only when that is known.
func TestWhatCameOfActions(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	entry := func(contract, workload string, ago time.Duration, change func(*budget.Entry)) budget.Entry {
		e := budget.Entry{Contract: contract, Target: budget.Target{Workload: workload}, Phase: budget.Ended, Granted: now.Add(-ago), Applied: now.Add(-ago)}
		if change != nil {
			change(&e)
		}
		return e
	}
	control := func(why string, phase budget.Phase) func(*budget.Entry) {
		return func(e *budget.Entry) { e.Control, e.Why, e.Phase, e.Applied = true, why, phase, time.Time{} }
	}
	l := budget.Ledger{Entries: []budget.Entry{
		entry("shop/pay", "Deployment/a", 5*time.Hour, nil), // comes again
		entry("shop/pay", "Deployment/a", 5*time.Hour-10*time.Minute, nil),
		entry("shop/pay", "Deployment/b", 4*time.Hour, nil),
		entry("shop/pay", "Deployment/c", 10*time.Minute, nil), // not known yet
		entry("shop/other", "Deployment/b", 4*time.Hour, nil),
		entry("shop/pay", "Deployment/b", 2*time.Hour, func(e *budget.Entry) { e.DryRun = true }),
		entry("shop/pay", "Deployment/d", 3*time.Hour, control(budget.Recovered, budget.Ended)),
		entry("shop/pay", "Deployment/e", 3*time.Hour, control("it violates still", budget.Ended)),
		entry("shop/pay", "Deployment/f", 3*time.Hour, control("", budget.Granted)), // not known yet
	}}
	want := v1alpha1.Effect{Acted: 4, Recurred: 1, VerifiedRecoveries: 2, Control: 3, ControlRecovered: 1, FalseFireRate: "50 % of 2", RecurrenceRate: "33 % of 3"}
	if got := effect(l, "shop/pay", now); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := effect(budget.Ledger{}, "shop/pay", now); got != (v1alpha1.Effect{}) {
		t.Errorf("of nothing: %+v", got)
	}
}

// The limit of the API server is in bytes, and half a letter is no text.
func TestClip(t *testing.T) {
	for _, test := range []struct {
		text string
		n    int
		want string
	}{{"short", 5, "short"}, {"longer", 5, "longe…"}, {strings.Repeat("契", 3), 7, "契契…"}} {
		if got := clip(test.text, test.n); got != test.want || !utf8.ValidString(got) {
			t.Errorf("clip(%q, %d) = %q, want %q", test.text, test.n, got, test.want)
		}
	}
}
