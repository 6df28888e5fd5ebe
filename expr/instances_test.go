package expr_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/falsifiable/stability/expr"
)

// show writes outcomes as one line, sorted.
func show(all []expr.Outcome) string {
	var lines []string
	for _, o := range all {
		value := fmt.Sprint(o.Value)
		if o.Truth == expr.Unknown {
			value = o.Reason.String()
		}
		lines = append(lines, fmt.Sprintf("%s%v %s", o.Labels, o.Truth, value))
	}
	slices.Sort(lines)
	return strings.Join(lines, "; ")
}

func TestInstances(t *testing.T) {
	w := newWorld(t)
	push := func() {
		w.push("db.tested.connection.count", 1, 9, "pool", "orders", "state", "used")
		w.push("db.tested.connection.count", 1, 1, "pool", "orders", "state", "idle")
		w.push("db.tested.connection.count", 1, 2, "pool", "users", "state", "used")
		w.push("db.tested.connection.max", 1, 10, "pool", "orders")
		w.push("db.tested.connection.max", 1, 5, "pool", "users")
		w.push("a", 1, 4)
	}
	for _, c := range []struct{ text, want string }{
		{"db.tested.connection.max > 7", `{pool="orders"}true 10; {pool="users"}false 5`},
		{`db.tested.connection.max{pool="orders"} > 7`, `{pool="orders"}true 10`},
		{`db.tested.connection.max{pool!="orders"} > 7`, `{pool="users"}false 5`},
		{`db.tested.connection.max{pool=~"user.?"} > 7`, `{pool="users"}false 5`},
		{`db.tested.connection.max{pool=~"user"} > 7`, ``},
		{`db.tested.connection.max{pool!~"o.*|x"} > 7`, `{pool="users"}false 5`},
		{`db.tested.connection.max{pool="nobody"} > 7`, `{pool="nobody"}unknown db.tested.connection.max{pool="nobody"} was never read`},
		{"db.tested.connection.max > a", `{pool="orders"}true 10; {pool="users"}true 5`},
		{"a < db.tested.connection.max && a > 3", `{pool="orders"}true 4; {pool="users"}true 4`},
		{`db.tested.connection.max > db.tested.connection.max{pool="users"}`, `{pool="orders"}true 10; {pool="users"}false 5`},
		{`db.tested.connection.count{state="used"} >= 0.9 * db.tested.connection.max`,
			`{pool="orders",state="used"}true 9; {pool="users",state="used"}false 2`},
		{`db.tested.connection.count{state="idle"} < db.tested.connection.max`,
			`{pool="orders",state="idle"}true 1; {pool="users",state="idle"}unknown db.tested.connection.count{state="idle"} was never read`},
		{"db.tested.connection.count > 1.5",
			`{pool="orders",state="idle"}false 1; {pool="orders",state="used"}true 9; {pool="users",state="used"}true 2`},
		{`db.tested.connection.count{pool="orders",state="used"} > 1.5 && a > 1`, `{pool="orders",state="used"}true 9`},
		{"a > 3", "true 4"},
	} {
		e := w.bind(c.text)
		push()
		if got := show(e.Eval(seconds(1))); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

func TestInstancesComeAndGo(t *testing.T) {
	w := newWorld(t)
	e := w.bind("db.tested.connection.max > 7 && a > 0")
	expect := func(second float64, want string) {
		t.Helper()
		w.push("a", second, 1)
		if got := show(e.Eval(seconds(second))); got != want {
			t.Errorf("at %vs:\n got %s\nwant %s", second, got, want)
		}
	}
	expect(1, "")
	w.push("db.tested.connection.max", 2, 10, "pool", "x")
	expect(2, `{pool="x"}true 10`)
	w.push("db.tested.connection.max", 100, 3, "pool", "y")
	expect(100, `{pool="x"}unknown db.tested.connection.max was last read 1m38s ago; {pool="y"}false 3`)
	w.store.Forget(seconds(50))
	expect(101, `{pool="y"}false 3`)
	w.push("db.tested.connection.max", 102, 8, "pool", "x")
	expect(102, `{pool="x"}true 8; {pool="y"}false 3`)
	w.store.Forget(seconds(200))
	expect(103, "")
}

func TestOtherInstanceJoins(t *testing.T) {
	w := newWorld(t)
	e := w.bind("db.tested.connection.max > 1000")
	for second := range 3 {
		for i := range 120 {
			w.push("db.tested.connection.max", float64(second), 1, "pool", fmt.Sprint("p", i))
		}
	}
	if n := len(e.Eval(seconds(2))); n != 101 {
		t.Errorf("%d outcomes, want a hundred and other", n)
	}
}

func TestBaseline(t *testing.T) {
	w := newWorld(t)
	e := w.bind("db.tested.connection.max > 2 * baseline(db.tested.connection.max)")
	pushX := func(second, v float64) { w.push("db.tested.connection.max", second, v, "pool", "x") }
	for i, v := range []float64{10, 11, 500, 9, 10} { // a median does not mind the odd one
		pushX(float64(i), v)
		e.Learn(seconds(float64(i)))
	}
	if got := show(e.Eval(seconds(4))); got != `{pool="x"}unknown baseline(db.tested.connection.max) is still being learnt` {
		t.Errorf("while learning: %s", got)
	}
	e.Freeze()
	pushX(5, 21)
	if o := w.one(e, 5); o.Truth != expr.True || o.Threshold != 20 {
		t.Errorf("got %+v, want true above 2 * 10", o)
	}
	w.push("db.tested.connection.max", 5, 100, "pool", "y")
	for range 3 {
		e.Learn(seconds(5)) // does nothing any more, also not for a newcomer
	}
	// An instance that comes later learns from its own first evaluations.
	for i := range 4 {
		s := float64(6 + i)
		pushX(s, 5)
		w.push("db.tested.connection.max", s, 100, "pool", "y")
		want := `{pool="x"}false 5; {pool="y"}unknown baseline(db.tested.connection.max) is still being learnt`
		if i >= 2 {
			want = `{pool="x"}false 5; {pool="y"}false 100`
		}
		if got := show(e.Eval(seconds(s))); got != want {
			t.Errorf("evaluation %d of a late instance:\n got %s\nwant %s", i+1, got, want)
		}
	}
	learnt := e.Baselines()
	if got := fmt.Sprint(learnt); got != `[{db.tested.connection.max {pool="x"} 10} {db.tested.connection.max {pool="y"} 100}]` {
		t.Errorf("Baselines() is %s", got)
	}
	replay := w.bind("db.tested.connection.max > 2 * baseline(db.tested.connection.max)")
	replay.SetBaselines(learnt)
	if got, want := show(replay.Eval(seconds(9))), show(e.Eval(seconds(9))); got != want {
		t.Errorf("with restored baselines:\n got %s\nwant %s", got, want)
	}
	if got := fmt.Sprint(replay.Baselines()); got != fmt.Sprint(learnt) {
		t.Errorf("restored baselines are %s, want %s", got, fmt.Sprint(learnt))
	}
}

func TestBaselineOfALongWarmUp(t *testing.T) {
	w := newWorld(t)
	e := w.bind("a > baseline(a)")
	for i := range 5001 {
		w.push("a", float64(i), float64(i))
		e.Learn(seconds(float64(i)))
	}
	e.Freeze()
	if o := w.one(e, 5000); o.Threshold < 2400 || o.Threshold > 2600 {
		t.Errorf("the median of 0..5000 came out as %v: the whole warm-up must count", o.Threshold)
	}
}

// A window longer than the warm-up has nothing to learn from until it is filled.
func TestBaselineOfAWindow(t *testing.T) {
	w := newWorld(t)
	e := w.bind("rate(c[1m]) > 2 * baseline(rate(c[1m]))")
	for i := range 100 {
		w.push("c", float64(i), float64(3*i))
		if i < 30 {
			e.Learn(seconds(float64(i)))
		}
		if i == 30 {
			e.Freeze()
		}
		if o := w.one(e, float64(i)); (o.Truth == expr.Unknown) != (i < 61) {
			t.Fatalf("at %d s: %v (%v)", i, o.Truth, o.Reason)
		}
	}
}

// TestABaselineIsFinite: of what overflows while it is learnt, nothing is learnt; else nothing would ever be twice as much.
func TestABaselineIsFinite(t *testing.T) {
	w := newWorld(t)
	e := w.bind("a > 2 * baseline(a * a)")
	for i, v := range []float64{1e300, 1e300, 1e300, 1e300, 3, 3, 3} {
		w.push("a", float64(i+1), v)
		e.Learn(seconds(float64(i + 1)))
	}
	e.Freeze()
	w.push("a", 8, 100)
	if o := w.one(e, 8); o.Truth != expr.True || o.Threshold != 18 {
		t.Errorf("100 is %v against %v, want true against twice nine", o.Truth, o.Threshold)
	}
}
