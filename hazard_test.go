package stability

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/evidence"
	"github.com/falsifiable/stability/internal/mailbox"
	"github.com/falsifiable/stability/signals"
)

// Hazard 6, label explosion: whatever labels come, memory is bounded, and what is folded is counted.
func TestHazard06LabelExplosion(t *testing.T) {
	m := NewMonitor(Config{Warmup: -1, MaxInstances: 50})
	if err := m.Register(&Contract{Name: "c", Interval: time.Second, Checks: []Check{
		{Name: "stuck", Expr: "http.server.route.active_requests > 1000"},
	}}); err != nil {
		t.Fatal(err)
	}
	id, _, _ := m.schema.Lookup("http.server.route.active_requests")
	for second := range 60 {
		at := time.Duration(second) * time.Second
		var samples []signals.Sample
		for i := range 200 { // each second two hundred routes that nobody has seen before
			route := fmt.Sprintf("/users/%d", second*200+i)
			samples = append(samples, signals.Sample{ID: id, Labels: signals.NewLabels("route", route), At: at, Value: 1})
		}
		m.engine.step(at, samples)
	}
	status, _ := m.Contract("c")
	if n := len(status.Checks[0].Instances); n == 0 || n > 51 {
		t.Errorf("the check is judged on %d instances, want at most 50 and the rest as one", n)
	}
	if folded := m.selfStatus().FoldedReadings; folded != 60*200-50 {
		t.Errorf("%d readings are counted as folded, want %d", folded, 60*200-50)
	}
}

// A storm: of all instances that break many checks in one tick, only those that the evidence's budget admits have a history
// copied, and what is copied fits the budget, the violated instance first.
func TestHazard01StormCopiesWhatIsAdmitted(t *testing.T) {
	capturer, err := evidence.Open(evidence.Config{Dir: t.TempDir(), Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	m := NewMonitor(Config{Warmup: -1, Evidence: capturer, Logger: quiet()})
	c := &Contract{Name: "c", Interval: time.Second}
	for i := range 20 {
		c.Checks = append(c.Checks, Check{Name: fmt.Sprint("stuck", i), Expr: "max_over_time(http.server.route.active_requests[6m]) > 10"})
	}
	if err := m.Register(c); err != nil {
		t.Fatal(err)
	}
	id, _, _ := m.schema.Lookup("http.server.route.active_requests")
	const instances, readings = 99, 400
	for second := range readings {
		var r round
		for i := range instances {
			r.samples = append(r.samples, signals.Sample{
				ID: id, Labels: signals.NewLabels("route", fmt.Sprint("/", i)), At: time.Duration(second) * time.Second,
				Value: 20 * float64(second/(readings-1)),
			})
		}
		m.judge(time.Duration(second)*time.Second, &r)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		m.incidents = moved(m.incidents)
		go m.watchIncidents(ctx)
		synctest.Wait()
		stop()
	})
	if s := capturer.Stats(); s.Captured != 1 || s.Cooldown != 20*instances-1 {
		t.Errorf("%+v, want one capture and %d refusals", s, 20*instances-1)
	}
	bundles, err := evidence.List(capturer.Dir())
	if err != nil || len(bundles) != 1 {
		t.Fatalf("%d bundles, %v", len(bundles), err)
	}
	var recording Recording
	if err := bundles[0].Decode(RecordingDocument, &recording); err != nil {
		t.Fatal(err)
	}
	if h := recording.Signals[0]; len(h.Instances) != instances || h.Instances[0].Labels != recording.Transition.Labels {
		t.Errorf("%d instances, the first is %v; want all and the violated one first", len(h.Instances), h.Instances[0].Labels)
	}
	k := m.contracts["c"].checks[0]
	small := m.recordIncident(incident{check: k, transition: Transition{Labels: signals.NewLabels("route", "/50"), Age: time.Hour}}, 3*readings*readingBytes)
	if h := small.Signals[0]; len(h.Instances) != 3 || h.Omitted != instances-3 || h.Instances[0].Labels != small.Transition.Labels {
		t.Errorf("in a small budget there are %d instances, %d are left out, the first is %v", len(h.Instances), h.Omitted, h.Instances[0].Labels)
	}
}

// moved returns a new box with the letters of another: one that was made outside of a synctest bubble cannot be waited at
// in it.
func moved(from *mailbox.Box[incident]) *mailbox.Box[incident] {
	to := mailbox.New[incident](incidentsKept)
	for i, ok := from.TryTake(); ok; i, ok = from.TryTake() {
		to.Put(i)
	}
	return to
}

// Hazard 7, a threshold tuned on one traffic shape: a baseline-relative check is silent in services of any size, where one
// absolute number cannot be. (That a contract is tried under all shapes is stabilitytest's and falsify's work.)
func TestHazard07ThresholdOfOneTrafficShape(t *testing.T) {
	for _, normal := range []float64{30, 300, 30_000} {
		schema := signals.NewSchema(signals.Standard()...)
		sim, err := Simulate(SimulationConfig{Schema: schema}, &Contract{Name: "c", Interval: 10 * time.Second, Checks: []Check{
			{Name: "relative", Expr: "go.goroutine.count > 3 * baseline(go.goroutine.count)"},
			{Name: "absolute", Expr: "go.goroutine.count > 2000"},
		}})
		if err != nil {
			t.Fatal(err)
		}
		id, _, _ := schema.Lookup("go.goroutine.count")
		violated := make(map[string]bool)
		for second := range 600 {
			at := time.Duration(second) * time.Second
			for _, tr := range sim.Step(at, []signals.Sample{{ID: id, At: at, Value: normal * (1 + 0.5*float64(second%60)/60)}}) {
				violated[tr.Check] = violated[tr.Check] || tr.To == Violated
			}
		}
		if violated["relative"] {
			t.Errorf("a service of %v goroutines breaks the relative check by being itself", normal)
		}
		if violated["absolute"] != (normal > 2000) {
			t.Errorf("the counter-example shows nothing at %v goroutines", normal)
		}
	}
}

// Hazard 16, an upgrade of the library changes a threshold: a check's hash changes with its meaning, so that a proof of the
// old one does not stand for the new.
func TestHazard16UpgradeChangesThreshold(t *testing.T) {
	hash := func(expression string) string {
		m := NewMonitor(Config{})
		if err := m.Register(&Contract{Name: "c", Checks: []Check{{Name: "a", Expr: expression}}}); err != nil {
			t.Fatal(err)
		}
		status, _ := m.Contract("c")
		return status.Checks[0].Hash
	}
	if hash("go.goroutine.count > 2000") == hash("go.goroutine.count > 2001") {
		t.Error("two thresholds have one hash")
	}
	if hash("go.goroutine.count > 2000") != hash("runtime.NumGoroutine() > 2 * 1000") {
		t.Error("two spellings of one meaning have two hashes")
	}
}
