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
	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/lab/falsify/experiment"
)

var (
	someFaults = []fault.Fault{
		{Name: "leak", Params: []fault.Param{{Name: "rate", Default: 1, Min: 1, Max: 100}}},
		{Name: "storm", Heavy: true},
	}
	someCauses = []cause.Cause{
		{
			ID: "leaks", Signals: cause.Organ{Names: []string{"go.goroutine.count"}},
			Trials: []cause.Trial{{Check: "growth", Fault: "leak", Params: map[string]string{"rate": "7"}, Deadline: 8 * time.Minute}},
		},
		{ID: "storms", Signals: cause.Organ{Names: []string{"go.gc.cycles"}}, Trials: []cause.Trial{{Fault: "storm", Deadline: time.Minute}}},
	}
)

func check(name, cause string, signals ...string) subjectCheck {
	return subjectCheck{stability.CheckStatus{Name: name, Cause: cause, Signals: signals}, "c"}
}

func resolveText(t *testing.T, yaml string, checks ...subjectCheck) (*resolver, error) {
	t.Helper()
	e, err := experiment.Parse("f.yaml", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	r := &resolver{experiment: e, faults: someFaults, causes: someCauses}
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
		{"by the cause it names", "", check("x", "leaks"), "leak", "7", 8 * minute, false},
		{"by its signals", "", check("x", "", "go.gc.cycles"), "storm", "", minute, true},
		{"by the file", "checks: {x: {fault: leak, deadline: 3m}}", check("x", ""), "leak", "", 3 * minute, false},
		{"by the file under its full name", "checks: {c/x: {fault: leak}}", check("x", ""), "leak", "", defaultDeadline, false},
		{"the file changes parameters", "checks: {x: {params: {rate: 9}}}", check("x", "leaks"), "leak", "9", 8 * minute, false},
		{"the file changes the cause's deadline", "causes: {leaks: {deadline: 2m}}", check("x", "leaks"), "leak", "7", 2 * minute, false},
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
		if got.id != tt.id || got.params["rate"] != tt.rate || got.deadlines["c/x"] != tt.deadline || got.alone != tt.alone {
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
	if _, err := resolveText(t, "", check("x", "")); !errors.Is(err, ErrNoFault) || ExitCode(nil, err) != 2 {
		t.Errorf("no fault for any check: %v, want ErrNoFault", err)
	}
	r, err := resolveText(t, "", check("x", ""), check("y", "leaks"))
	if err != nil || len(r.trials) != 1 || len(r.notes) != 1 || !strings.Contains(r.notes[0], "c/x") {
		t.Errorf("one check without a fault: %v, notes %q", err, r.notes)
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
