package stability

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/evidence"
	"github.com/falsifiable/stability/signals"
)

func TestLevelIsHowFarBeyondTheThreshold(t *testing.T) {
	for _, test := range []struct{ value, threshold, want float64 }{
		{3000, 2000, 1.5},
		{5, 20, 4}, // a check on "less than" is worse the smaller the value is
		{-30, -10, 3},
		{2, 0, 0}, {0, 5, 0}, {math.NaN(), 1, 0}, // unknown: there is no factor
	} {
		if got := level(Violation{Value: test.value, Threshold: test.threshold}); got != test.want {
			t.Errorf("level of %v against %v = %v, want %v", test.value, test.threshold, got, test.want)
		}
	}
}

// A recovery is logged, and the next violation of the same check does not point to the evidence of the last.
func TestRecoveryEndsAnIncident(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, told := new(written), new(recorder)
		saver, err := evidence.Open(evidence.Config{Dir: t.TempDir(), Logger: quiet(), Cooldown: -1, Spacing: -1, HighWaterReset: -1})
		if err != nil {
			t.Fatal(err)
		}
		m := NewMonitor(Config{Warmup: -1, Logger: log.logger(), Evidence: saver, Responses: []Response{{Responder: told}}})
		d := &dial{name: "level"}
		start(t, m, d, &Contract{Name: "c", Interval: 10 * time.Second, Checks: []Check{{Name: "level", Expr: "level > 10"}}})
		for range 2 {
			d.value.Store(11)
			pass(time.Minute)
			d.value.Store(1)
			pass(time.Minute)
		}
		log.want(t, 2, "no longer violated")
		if len(told.seen) != 6 || told.seen[0].Evidence == "" || told.seen[0].Evidence != told.seen[2].Evidence {
			t.Fatalf("told %+v, want three strikes twice, those of an incident with one bundle", told.seen)
		}
		if told.seen[3].Evidence == told.seen[2].Evidence {
			t.Errorf("the second incident has the bundle of the first, %s", told.seen[3].Evidence)
		}
	})
}

// What was still to be told when the monitor was stopped makes no empty bundles, which would start a cool-down for the next
// process and push full ones out.
func TestNoEvidenceAfterStop(t *testing.T) {
	saver, err := evidence.Open(evidence.Config{Dir: t.TempDir(), Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	m := NewMonitor(Config{Logger: quiet(), Evidence: saver})
	m.incidents.Put(incident{violation: Violation{Contract: "c", Name: "level", Strike: 1}, check: &check{contract: &contract{Contract: &Contract{}}}})
	stopped, stop := context.WithCancel(t.Context())
	stop()
	m.watchIncidents(stopped)
	if s := saver.Stats(); s.Captured+s.Failed != 0 {
		t.Errorf("after Stop %d bundles were written, %d failed", s.Captured, s.Failed)
	}
}

// What a status counts, and what a contract leaves to the defaults.
func TestStatusCountsAndDefaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := new(recorder)
		m := NewMonitor(Config{Logger: quiet(), Responses: []Response{{Responder: told}, {Responder: &recorder{do: func(context.Context) error { return errors.New("refused") }}}}})
		d := &dial{name: "level"}
		d.value.Store(11)
		start(t, m, d, &Contract{Name: "c", Interval: 10 * time.Second, Checks: []Check{{Name: "level", Expr: "level > 10"}}},
			&Contract{Name: "watcher", Interval: 10 * time.Second, Checks: []Check{{Name: "f", Expr: "stability.responder.failures > 0"}}})
		pass(50 * time.Second)
		if s := m.Status(); !s.WarmingUp || s.Contracts[0].State != Unknown {
			t.Errorf("after 50 s: warming up %v, state %v; the warm-up is a minute", s.WarmingUp, s.Contracts[0].State)
		}
		pass(time.Minute)
		s := m.Status()
		if s.WarmingUp || s.Contracts[0].Checks[0].Violations != 1 || s.Self.Violations != 2 {
			t.Errorf("warming up %v, violations %d of the check and %d of all, want 1 and 2", s.WarmingUp, s.Contracts[0].Checks[0].Violations, s.Self.Violations)
		}
		if state := s.Contracts[1].State; state != Violated {
			t.Errorf("a check on the monitor's own stability.responder.failures is %v", state)
		}
		if len(told.seen) == 0 || told.seen[0].Severity != "warning" {
			t.Errorf("told %+v, want the severity warning", told.seen)
		}
	})
}

// A check whose signals have no instance yet, and one whose reading is missing, are Unknown and say why; the contract is too.
func TestUnknownIsNeverHolding(t *testing.T) {
	for expr, reason := range map[string]string{
		"http.server.route.active_requests > 5": "no instance of its signals has been read",
		"http.server.active_requests > 5":       "http.server.active_requests was never read (source httpserver)",
	} {
		s, err := Simulate(SimulationConfig{Warmup: -1}, &Contract{Name: "c", Checks: []Check{
			{Name: "blind", Expr: expr}, {Name: "sound", Expr: "go.goroutine.count > 5"}}})
		if err != nil {
			t.Fatal(err)
		}
		id, _, _ := s.engine.store.Schema().Lookup("go.goroutine.count")
		s.Step(time.Second, []signals.Sample{{ID: id, At: time.Second, Value: 1}})
		c := s.Contracts()[0]
		if c.State != Unknown || c.Checks[0].State != Unknown || c.Checks[0].Reason != reason || c.Checks[1].State != Holding {
			t.Errorf("%s: contract %v, check %v because %q, the other %v", expr, c.State, c.Checks[0].State, c.Checks[0].Reason, c.Checks[1].State)
		}
	}
}

// A bundle tells what the other signals did, thinned, up to the violation and within its room, and what the check was judged to be.
func TestSurroundings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		saver, err := evidence.Open(evidence.Config{Dir: t.TempDir(), Logger: quiet(), Cooldown: -1, Spacing: -1, HighWaterReset: -1})
		if err != nil {
			t.Fatal(err)
		}
		m := NewMonitor(Config{Warmup: -1, Logger: quiet(), Evidence: saver})
		d, beside := &dial{name: "level"}, &dial{name: "beside"}
		if err := m.Attach(beside); err != nil {
			t.Fatal(err)
		}
		start(t, m, d, &Contract{Name: "c", Interval: 10 * time.Second, Checks: []Check{
			{Name: "level", Expr: "level > 10"}, {Name: "beside", Expr: "max_over_time(beside[2m]) > 1000"}}})
		for i := range int64(120) {
			beside.value.Store(i)
			pass(time.Second)
		}
		d.value.Store(11)
		pass(time.Minute)
		bundles, err := evidence.List(saver.Dir())
		if err != nil || len(bundles) != 1 {
			t.Fatalf("%d bundles, %v", len(bundles), err)
		}
		var s Surroundings
		if err := bundles[0].Decode(SurroundingsDocument, &s); err != nil {
			t.Fatal(err)
		}
		if n := len(s.Judgments); n < 12 || s.Judgments[n-1].State != Violated || s.Judgments[n-2].State != Holding {
			t.Errorf("the judgments are %+v", s.Judgments)
		}
		for _, trend := range s.Trends {
			switch n := len(trend.Values); {
			case n > trendPoints || n != len(trend.At):
				t.Errorf("%s has %d values at %d moments", trend.Name, n, len(trend.At))
			case trend.Name == "level":
				t.Error("the check's own signal is told twice")
			case trend.Name == "beside" && (trend.Values[0] > 10 || trend.Values[n-1] != 119):
				t.Errorf("beside is %v", trend.Values)
			}
		}
		if len(s.Trends) == 0 || s.Omitted != 0 {
			t.Errorf("%d trends, %d omitted", len(s.Trends), s.Omitted)
		}
		i := incident{check: m.contracts["c"].checks[0], transition: Transition{Age: time.Hour}}
		if s := m.recordSurroundings(i, 0); len(s.Trends) != 0 || s.Omitted == 0 {
			t.Errorf("without room there are %d trends, %d omitted", len(s.Trends), s.Omitted)
		}
	})
}
