package falsify

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/cause"
	"github.com/falsifiable/stability/cause/catalogue"
	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/agent"
	"github.com/falsifiable/stability/lab/falsify/experiment"
	"github.com/falsifiable/stability/lab/falsify/plan"
	"github.com/falsifiable/stability/signals"
)

var (
	someFaults = []fault.Fault{
		{Name: "leak", Params: []fault.Param{{Name: "rate", Default: 50, Min: 1, Max: 100}}, Effects: []fault.Effect{{Signal: "go.goroutine.count", Move: fault.Grow, By: fault.Of("rate")}}},
		{Name: "storm", Heavy: true},
	}
	someCauses = []cause.Cause{
		{
			ID: "leaks", Checks: []stability.Check{{Name: "growth", Expr: "runtime.NumGoroutine() > 9"}}, Signals: cause.Organ{Names: []string{"go.goroutine.count"}},
			Trials: []cause.Trial{{Check: "growth", Fault: "leak", Params: map[string]string{"rate": "7"}, Deadline: 8 * time.Minute}},
		},
		{ID: "storms", Signals: cause.Organ{Names: []string{"go.gc.cycles"}}, Trials: []cause.Trial{{Fault: "storm", Deadline: time.Minute}}},
	}
)

func check(name, cause string) subjectCheck {
	return subjectCheck{stability.CheckStatus{Name: name, Cause: cause, Expr: "runtime.NumGoroutine() > 9", Signals: []string{"go.goroutine.count"}}, "c", 0}
}

// otherwise is the check with another expression.
func otherwise(c subjectCheck) subjectCheck {
	c.Expr = "runtime.NumGoroutine() > 10"
	return c
}

func resolveText(t *testing.T, yaml string, checks ...subjectCheck) (*resolver, error) {
	t.Helper()
	e, err := experiment.Parse("f.yaml", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	world := plan.World{
		Schema: signals.Standard(), Scale: 1.0 / 120, Sample: time.Second, Limit: 10 * time.Second, Readings: []plan.Reading{{Name: "go.goroutine.count", Value: 5}},
	}
	r := &resolver{experiment: e, faults: someFaults, causes: someCauses, world: world}
	return r, r.resolve(checks)
}

func TestResolve(t *testing.T) {
	const minute = time.Minute
	for _, tt := range []struct {
		name, yaml string
		check      subjectCheck
		id, rate   string
		deadline   time.Duration
		alone      bool
	}{
		{"by the cause whose check it is", "", check("growth", "leaks"), "leak", "7", 8 * minute, false},
		{"by its expression", "", check("x", "storms"), "leak", "", defaultDeadline, false},
		{"as another check of its name, by its expression", "", otherwise(check("growth", "leaks")), "leak", "7", defaultDeadline, false},
		{"by the file", "checks: {x: {fault: leak, deadline: 3m}}", check("x", ""), "leak", "", 3 * minute, false},
		{"by the file under its full name", "checks: {c/x: {fault: leak}}", check("x", ""), "leak", "", defaultDeadline, false},
		{"the file changes parameters", "checks: {x: {params: {rate: 9}}}", check("x", "leaks"), "leak", "9", 8 * minute, false},
		{"the file changes the cause's deadline", "causes: {leaks: {deadline: 2m}}", check("growth", "leaks"), "leak", "7", 2 * minute, false},
		{"the file takes another fault", "checks: {x: {fault: storm}}", check("x", "leaks"), "storm", "", defaultDeadline, true},
		{"a fault of a network", "dependencies: {db: {env: E, upstream: 'h:1'}}\nchecks: {x: {fault: hang, dependency: db}}", check("x", "leaks"), "hang@db", "", defaultDeadline, false},
		{"alone by the file", "checks: {x: {fault: leak, alone: true}}", check("x", ""), "leak", "", defaultDeadline, true},
	} {
		r, err := resolveText(t, tt.yaml, tt.check)
		if err != nil || len(r.trials) != 1 {
			t.Errorf("%s: %d trials, %v", tt.name, len(r.trials), err)
			continue
		}
		got := r.trials[0]
		if got.id != tt.id || got.parts[0].params["rate"] != tt.rate || got.deadlines[tt.check.id()] != tt.deadline || got.alone != tt.alone {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}

func TestChecksWithOneFaultShareItsRuns(t *testing.T) {
	r, err := resolveText(t, "checks: {a: {fault: leak}, b: {fault: leak, deadline: 9m}, d: {fault: leak, params: {rate: 2}}}",
		check("a", ""), check("b", ""), check("d", ""))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.trials) != 2 || len(r.trials[0].deadlines) != 2 || r.trials[0].deadline() != 9*time.Minute || r.trials[1].id != "leak-2" {
		t.Errorf("trials: %+v", r.trials)
	}
}

func TestResolveRefuses(t *testing.T) {
	for _, tt := range []struct{ yaml, want string }{
		{"checks: {y: {fault: leak}}", `f.yaml:1:10: there is no check "y"`},
		{"causes: {leask: {deadline: 1m}}", `f.yaml:1:10: there is no cause "leask"; did you mean "leaks"?`},
		{"checks: {x: {fault: laek}}", `f.yaml:1:21: there is no fault "laek"; did you mean "leak"?`},
		{"checks: {x: {fault: leak, params: {rate: 900}}}", "f.yaml:1:21: fault: ordering leak"},
		{"dependencies: {db: {env: E, upstream: 'h:1'}}\nchecks: {x: {fault: hung, dependency: db}}", `f.yaml:2:21: there is no fault of the network to db "hung"; did you mean "hang"?`},
	} {
		if _, err := resolveText(t, tt.yaml, check("x", "")); err == nil || !strings.Contains(err.Error(), tt.want) || ExitCode(nil, err) != 2 {
			t.Errorf("%q:\n got %v\nwant %s", tt.yaml, err, tt.want)
		}
	}
	hopeless := check("z", "")
	hopeless.Expr, hopeless.Signals = "db.client.connection.in_use > 3", []string{"db.client.connection.in_use"}
	if _, err := resolveText(t, "", hopeless); !errors.Is(err, ErrNoFault) || ExitCode(nil, err) != 2 || !strings.Contains(err.Error(), "nothing in the service reads") {
		t.Errorf("no fault for any check: %v, want ErrNoFault and why", err)
	}
	r, err := resolveText(t, "", hopeless, check("y", "leeks"))
	if err != nil || len(r.trials) != 1 || r.untested["c/z"] == "" {
		t.Errorf("one check without a fault: %v, %q", err, r.untested)
	}
	if len(r.notes) != 1 || !strings.Contains(r.notes[0], `c/y: there is no cause "leeks"; did you mean "leaks"?`) {
		t.Errorf("notes %q, want one about the cause", r.notes)
	}
}

func TestOnlyPatterns(t *testing.T) {
	r, err := resolveText(t, "checks: {a: {fault: leak}, b: {fault: storm}}", check("a", ""), check("b", ""))
	if err != nil {
		t.Fatal(err)
	}
	for pattern, want := range map[string][]string{
		"a": {"c/a"}, "c/a": {"c/a"}, "a/leak": {"c/a"}, "c/a/leak": {"c/a"}, "/storm": {"c/b"}, "a/storm": nil, "d": nil,
	} {
		kept, err := only(r.trials, pattern)
		var got []string
		for _, k := range kept {
			got = append(got, slices.Collect(maps.Keys(k.deadlines))...)
		}
		if !slices.Equal(got, want) || (err != nil) != (want == nil) {
			t.Errorf("%q keeps %v, %v; want %v", pattern, got, err, want)
		}
	}
}

// What the catalogue names must exist: the fault with those parameters.
func TestTrialsOfTheCatalogue(t *testing.T) {
	known := agent.Faults()
	for _, c := range catalogue.All() {
		r := &resolver{experiment: &experiment.Experiment{}, faults: known, causes: []cause.Cause{c}}
		for _, k := range c.Checks {
			own := check(k.Name, c.ID)
			own.Expr = k.Expr // the catalogue's trial is for its own expression
			if err := r.resolve([]subjectCheck{own}); err != nil {
				t.Errorf("%s/%s: %v", c.ID, k.Name, err)
			}
		}
	}
}
