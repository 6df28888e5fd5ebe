package stability

import (
	"fmt"
	"testing"
	"time"

	"github.com/falsifiable/stability/evidence"
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

// Hazard 1, a storm: instances that break a check in one tick share one recorded history, whatever their number.
func TestHazard01InstancesShareOneRecording(t *testing.T) {
	capturer, err := evidence.Open(evidence.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	m := NewMonitor(Config{Warmup: -1, Evidence: capturer, MaxInstances: incidentsKept})
	if err := m.Register(&Contract{Name: "c", Interval: time.Second, Checks: []Check{
		{Name: "stuck", Expr: "http.server.route.active_requests > 10"},
		{Name: "another", Expr: "http.server.route.active_requests > 11"},
	}}); err != nil {
		t.Fatal(err)
	}
	id, _, _ := m.schema.Lookup("http.server.route.active_requests")
	var samples []signals.Sample
	for i := range incidentsKept / 2 {
		samples = append(samples, signals.Sample{ID: id, Labels: signals.NewLabels("route", fmt.Sprint("/", i)), At: time.Second, Value: 20})
	}
	m.judge(time.Second, samples)
	histories, instances := make(map[*SignalHistory]string), make(map[string]bool)
	for _, i := range m.incidents.queue {
		r := i.recording
		histories[&r.Signals[0]] = r.Check.Name
		instances[r.Check.Name+r.Transition.Labels.String()] = true
		if r.Check.Name != i.violation.Name || r.Transition.Labels != i.violation.Labels {
			t.Errorf("the violation of %s%s has the recording of %s%s", i.violation.Name, i.violation.Labels, r.Check.Name, r.Transition.Labels)
		}
	}
	if len(histories) != 2 || len(instances) != incidentsKept {
		t.Errorf("%d histories were copied for %d violations of two checks", len(histories), len(instances))
	}
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
