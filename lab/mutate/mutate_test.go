package mutate

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/signals"
)

func texts(all []Mutant) (list []string) {
	for _, m := range all {
		list = append(list, strings.Join(strings.Fields(m.Expr), " ")+" for "+m.For.String())
	}
	slices.Sort(list)
	return list
}

func TestMutants(t *testing.T) {
	schema := signals.NewSchema(signals.Standard()...)
	for _, test := range []struct {
		expr string
		wait time.Duration
		want []string
	}{
		{"go.goroutine.count > 2000", 0, []string{"2 * (2000)", "0.5 * (2000)", "count < 2000"}},
		{"go.goroutine.count > 2000", time.Minute, []string{"count > 2000 for 2m0s", "count > 2000 for 0s"}},
		{"go.goroutine.count > 0", 0, []string{"count > 1"}},
		{"go.goroutine.count > 2000 && go.thread.count > 5 || go.processor.limit < 2", 0,
			[]string{"go.goroutine.count > 2000 || go.processor.limit < 2 for", "go.thread.count > 5 || go.processor.limit < 2 for", "go.goroutine.count > 2000 && go.thread.count > 5 for", "go.processor.limit < 2 for"}},
		{"max_over_time(go.goroutine.count[5m]) > 3 * (1 + baseline(go.goroutine.count))", 0,
			[]string{"go.goroutine.count > 3", "[30s]", "[50m0s]", "2 * (3 * (1 + baseline(go.goroutine.count)))"}},
		{`db.client.connection.count{pool="a"} >= 0.9 * db.client.connection.max`, 0, []string{`{pool="a"} <= 0.9`, "2 * (0.9 * db.client.connection.max)"}},
	} {
		got := texts(Mutants(stability.Check{Name: "c", Expr: test.expr, For: test.wait}, schema))
		for _, want := range test.want {
			if !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, want) }) {
				t.Errorf("%s: no mutant with %q in\n%s", test.expr, want, strings.Join(got, "\n"))
			}
		}
	}
}

// recording is of a fault that begins after ten minutes.
func recording(lines map[string][2]func(seconds float64) float64) Recording {
	r := Recording{Step: 5 * time.Second, Injected: 120}
	for name, f := range lines {
		name, label, _ := strings.Cut(name, " ")
		l := Line{Name: name}
		if key, value, ok := strings.Cut(label, "="); ok {
			l.Labels = signals.NewLabels(key, value)
		}
		for i := range 280 {
			at := float64(i) * r.Step.Seconds()
			v := f[0](at)
			if since := at - 600; since >= 0 {
				v += f[1](since)
			}
			l.Values = append(l.Values, v)
		}
		r.Lines = append(r.Lines, l)
	}
	slices.SortFunc(r.Lines, func(a, b Line) int { return strings.Compare(a.Name, b.Name) })
	return r
}

func constant(v float64) func(float64) float64 { return func(float64) float64 { return v } }
func growing(v float64) func(float64) float64  { return func(s float64) float64 { return v * s } }

// A threshold, a conjunct, a window and For are all noticed, though a fault that moves everything far past them, as the recorded run
// does, would notice few of them.
func TestJudge(t *testing.T) {
	schema := signals.NewSchema(signals.Standard()...)
	r := recording(map[string][2]func(float64) float64{
		"go.goroutine.count":        {constant(30), growing(20)},
		"http.server.request.count": {growing(50), constant(0)},
	})
	check := stability.Check{Name: "growth", For: time.Minute,
		Expr: "rate(http.server.request.count[1m]) < 200/1s && go.goroutine.count > 2000"}
	verdicts, err := Judge(Config{Schema: schema, Interval: 15 * time.Second}, check, r)
	if err != nil {
		t.Fatal(err)
	}
	recorded := 0
	for _, v := range verdicts {
		if v.Recorded {
			recorded++
		}
		if !v.Killed() {
			t.Errorf("survived: %s: %s", v.How, v.Expr)
		}
	}
	if recorded == len(verdicts) || len(verdicts) < 9 {
		t.Errorf("%d of %d mutants were noticed by the recorded run: the variations are not tried", recorded, len(verdicts))
	}

	if _, err := Judge(Config{Schema: schema}, stability.Check{Name: "c", Expr: "go.goroutine.count > 1000000"}, r); err == nil || !strings.Contains(err.Error(), "does not fire") {
		t.Errorf("a check that the run does not fire: %v", err)
	}
	if _, err := Judge(Config{Schema: schema}, stability.Check{Name: "c", Expr: "go.goroutine.count > 3"}, r); err == nil || !strings.Contains(err.Error(), "before the fault") {
		t.Errorf("a check that fires without the fault: %v", err)
	}
}

// What no run can tell apart survives, and is named: here a conjunct that nothing moves.
func TestSurvivor(t *testing.T) {
	schema := signals.NewSchema(signals.Standard()...)
	r := recording(map[string][2]func(float64) float64{"go.goroutine.count": {constant(30), growing(20)}})
	check := stability.Check{Name: "c", Expr: "go.goroutine.count > 2000 && go.goroutine.count > 30"}
	verdicts, err := Judge(Config{Schema: schema}, check, r)
	if err != nil {
		t.Fatal(err)
	}
	left := Survivors(verdicts)
	if len(left) == 0 || Score(verdicts) == 1 {
		t.Fatalf("nothing survived: %+v", verdicts)
	}
	if !slices.ContainsFunc(left, func(v Verdict) bool { return strings.TrimSpace(v.Expr) == "go.goroutine.count > 2000" }) {
		t.Errorf("survivors: %+v", left)
	}
}
