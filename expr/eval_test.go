package expr_test

import (
	"math"
	"testing"
	"time"

	"github.com/falsifiable/stability/expr"
	"github.com/falsifiable/stability/signals"
)

func TestArithmetic(t *testing.T) {
	w := newWorld(t)
	w.push("a", 10, 12)
	w.push("b", 10, 5)
	w.push("queue.bytes", 10, -3)
	for _, c := range []struct {
		text string
		want float64
	}{
		{"a + b > 0", 17}, {"a - b > 0", 7}, {"a * b > 0", 60}, {"a / b > 0", 2.4}, {"-a > 0", -12},
		{"1 - a > 0", -11}, {"a - b - 1 > 0", 6}, {"a - (b - 1) > 0", 8}, {"60 / a / b > 0", 1}, {"60 / (a / b) > 0", 25},
		{"a + b * 2 > 0", 22}, {"(a + b) * 2 > 0", 34}, {"a * 50% > 0", 6}, {"abs(queue.bytes) > 0", 3},
		{"min(a, b) > 0", 5}, {"max(a, b) > 0", 12}, {"min(a, b, 3) > 0", 3}, {"max(3, a, b, 20) > 0", 20},
		{"abs(b - a) * (a + (b - (a - b))) > 0", 70},
	} {
		o := w.one(w.bind(c.text), 10)
		if math.Abs(o.Value-c.want) > 1e-12 {
			t.Errorf("%s: value %v, want %v", c.text, o.Value, c.want)
		}
		if want := c.want > 0; (o.Truth == expr.True) != want {
			t.Errorf("%s: %v, want %v", c.text, o.Truth, want)
		}
	}
}

func TestComparisons(t *testing.T) {
	w := newWorld(t)
	w.push("a", 0, 2)
	for text, want := range map[string]expr.Truth{
		"a > 1": expr.True, "a > 2": expr.False, "a >= 2": expr.True, "a >= 3": expr.False, "a < 3": expr.True, "a < 2": expr.False,
		"a <= 2": expr.True, "a <= 1": expr.False, "a == 2": expr.True, "a == 1": expr.False, "a != 1": expr.True, "a != 2": expr.False,
		"1 < a": expr.True, "!(a > 1)": expr.False,
	} {
		if o := w.one(w.bind(text), 0); o.Truth != want {
			t.Errorf("%s: %v, want %v", text, o.Truth, want)
		}
	}
}

func TestDecidingComparison(t *testing.T) {
	w := newWorld(t)
	w.push("a", 0, 1)
	w.push("b", 0, 2)
	for _, c := range []struct {
		text             string
		value, threshold float64
	}{
		{"a > 0 && b > 0", 1, 0}, {"a > 0 && b > 5", 2, 5}, {"a > 3 && b > 5", 1, 3}, {"a > 3 || b > 0", 2, 0},
		{"a > 3 || b > 5", 1, 3}, {"!(a > 3)", 1, 3}, {"a > 0 && (a > 4 || b > 1)", 1, 0}, {"a > 9 || a > 0 && b > 1", 1, 0},
	} {
		if o := w.one(w.bind(c.text), 0); o.Value != c.value || o.Threshold != c.threshold {
			t.Errorf("%s: decided by %v against %v, want %v against %v", c.text, o.Value, o.Threshold, c.value, c.threshold)
		}
	}
}

func TestUnknown(t *testing.T) {
	w := newWorld(t)
	e := map[string]*expr.Evaluator{}
	for _, text := range []string{"a > 1", "a / b > 1", "rate(c[5m]) > 1", "avg_over_time(a[5m]) > 1", "a > 2 * baseline(b)",
		"mann_kendall(b[1m]) > 1", "avg_over_time(a[5m:]) > 1", "avg_over_time(pool.Max[5m]) > 1", "b > 100 && a > 1", "b >= 0 || a > 1"} {
		e[text] = w.bind(text)
	}
	check := func(text string, second float64, truth expr.Truth, cause expr.Cause, says string) {
		t.Helper()
		o := w.one(e[text], second)
		if o.Truth != truth || o.Reason.Cause != cause || o.Reason.String() != says {
			t.Errorf("%s at %vs: %v, %d %q; want %v, %d %q", text, second, o.Truth, o.Reason.Cause, o.Reason, truth, cause, says)
		}
	}
	check("a > 1", 0, expr.Unknown, expr.NeverRead, "a was never read")
	check("avg_over_time(pool.Max[5m]) > 1", 0, expr.Unknown, expr.NeverRead, "pool.max was never read (source user)")
	for i := range 120 {
		s := float64(i)
		w.push("c", s, s)
		w.push("a", s, 2)
		if i%20 == 0 {
			w.push("b", s, 0)
		}
	}
	check("a > 1", 119, expr.True, 0, "")
	check("a > 1", 124, expr.True, 0, "")
	check("a > 1", 125, expr.Unknown, expr.Stale, "a was last read 6s ago")
	check("a / b > 1", 100, expr.Unknown, expr.DivisionByZero, "division by zero")
	check("rate(c[5m]) > 1", 119, expr.Unknown, expr.Filling, "c[5m] reaches back only 1m59s")
	check("avg_over_time(a[5m:]) > 1", 119, expr.Unknown, expr.Filling, "a[5m:5s] reaches back only 1m59s")
	check("a > 2 * baseline(b)", 119, expr.Unknown, expr.Learning, "baseline(b) is still being learnt")
	check("mann_kendall(b[1m]) > 1", 101, expr.Unknown, expr.Sparse, "b[1m] holds only 3 readings")
	check("b > 100 && a > 1", 104, expr.False, 0, "")
	check("b >= 0 || a > 1", 104, expr.True, 0, "")
	// Both sides of the rule for absent values: false && unknown is false, true || unknown is true.
	check("b > 100 && a > 1", 119, expr.Unknown, expr.Stale, "b was last read 19s ago")
	for i := 120; i < 400; i++ {
		w.push("a", float64(i), 2)
		w.push("c", float64(i), float64(2*i))
	}
	check("avg_over_time(a[5m]) > 1", 399, expr.True, 0, "")
	check("avg_over_time(a[5m]) > 1", 549, expr.True, 0, "")
	check("avg_over_time(a[5m]) > 1", 550, expr.Unknown, expr.Stale, "a[5m] was last read 2m31s ago")
	check("avg_over_time(a[5m:]) > 1", 399, expr.True, 0, "")

	w.push("a", 1000, math.NaN())
	w.push("a", 1001, math.Inf(1))
	check("a > 1", 1000, expr.Unknown, expr.NotANumber, "a value is not a number")
	check("a > 1", 1001, expr.True, 0, "")
}

// A window must not be Unknown for want of a tick: ticks come late, and the first reading is a little after 0.
func TestWindowForgivesOneTick(t *testing.T) {
	w := newWorld(t)
	e := w.bind("rate(c[1m]) > 1")
	for i := range 200 {
		w.push("c", float64(i)*1.003+0.2, float64(2*i))
	}
	if o := w.one(e, 199*1.003+0.2); o.Truth != expr.True || math.Abs(o.Value-2/1.003) > 1e-9 {
		t.Errorf("got %+v, want true by %v", o, 2/1.003)
	}
}

// A change begins at the last reading before the window when none lies at its start, and is true to the time between.
func TestChangeBeginsBeforeTheWindow(t *testing.T) {
	w := newWorld(t)
	rate, short, increase := w.bind("rate(c[25s]) > 0"), w.bind("rate(c[5s]) > 0"), w.bind("increase(c[25s]) > 0")
	for i := range 11 {
		w.push("c", float64(10*i), float64(i*i))
	}
	for e, want := range map[*expr.Evaluator]float64{rate: (100.0 - 49) / 30, short: (100.0 - 81) / 10, increase: (100.0 - 49) / 30 * 25} {
		if o := w.one(e, 100); math.Abs(o.Value-want) > 1e-9 {
			t.Errorf("got %v (%v), want %v", o.Value, o.Reason, want)
		}
	}
}

func TestCounterReset(t *testing.T) {
	w := newWorld(t)
	rate, increase := w.bind("rate(c[1m]) > 0"), w.bind("increase(c[1m]) > 0")
	w.fill("c", 120, func(s float64) float64 {
		s = s * 3
		if s >= 300 { // restarted, and counted on within the same second
			s -= 297
		}
		return s
	})
	if o := w.one(rate, 120); o.Value != 3 {
		t.Errorf("rate is %v, want 3", o.Value)
	}
	if o := w.one(increase, 120); o.Value != 180 {
		t.Errorf("increase is %v, want 180", o.Value)
	}
}

func TestScale(t *testing.T) {
	w := newWorld(t)
	p, err := expr.Compile(w.store.Schema(), "avg_over_time(a[10m]) > 5m / 1s && rate(c[10m]) > 120/1m", expr.Options{Scale: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	for _, win := range p.Windows() {
		w.store.Retain(win.ID, win.Window)
	}
	w.fill("a", 60, func(s float64) float64 { return 301 })
	w.fill("c", 60, func(s float64) float64 { return 3 * s })
	if o := w.one(p.Bind(w.store), 60); o.Truth != expr.True || o.Threshold != 300 {
		t.Errorf("after a tenth of the window: %+v, want true with the threshold as written", o)
	}
}

func TestEvaluationDoesNotAllocate(t *testing.T) {
	w := newWorld(t)
	var all []*expr.Evaluator
	for _, text := range []string{
		wpGoroutines, wpStreams, "a > 1 && b > 2 || !(a < b)", "a / (b - b) > 1", "pool.Max > 1", "a > 1.2 * baseline(b)",
		"rate(c[1m]) > 500/1m && increase(c[1m]) > 5", "avg_over_time(a[1m]) > min_over_time(a[1m])", "max_over_time(a[1m]) > b",
		"quantile_over_time(0.9, a[1m]) > stddev_over_time(a[1m])", "theil_sen(a[1m]) > 0", "mann_kendall(a[2m]) > 3",
		"avg_over_time(rate(c[10s])[1m:]) > 3", `db.tested.connection.waits{pool=~"o.*"} > 3`, "rate(db.tested.connection.waits[1m]) > 1",
	} {
		all = append(all, w.bind(text))
	}
	second := 0.0
	tick := func() {
		second++
		for _, name := range []string{"a", "b", "c", "streamMap", "lastClose", "goroutines"} {
			w.push(name, second, math.Mod(second*7, 31))
		}
		for _, labels := range poolLabels {
			id, _, _ := w.store.Schema().Lookup("db.tested.connection.waits")
			w.store.Push(signals.Sample{ID: id, Labels: labels, At: seconds(second), Value: second})
		}
		for _, e := range all {
			e.Learn(seconds(second))
			e.Eval(seconds(second))
		}
	}
	for range 300 {
		tick()
	}
	for _, e := range all {
		e.Freeze()
	}
	tick()
	if n := testing.AllocsPerRun(100, tick); n > 6 { // newWorld's push makes labels and looks up names
		t.Errorf("a tick allocates %v times", n)
	}
	for _, e := range all {
		if n := testing.AllocsPerRun(10, func() { e.Eval(time.Duration(second) * time.Second) }); n != 0 {
			t.Errorf("an evaluation allocates %v times", n)
		}
	}
}

var poolLabels = []signals.Labels{signals.NewLabels("pool", "orders"), signals.NewLabels("pool", "users")}
