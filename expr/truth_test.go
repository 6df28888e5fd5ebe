package expr_test

import (
	"testing"

	"github.com/falsifiable/stability/expr"
)

var truths = []expr.Truth{expr.False, expr.Unknown, expr.True}

func TestKleeneLaws(t *testing.T) {
	law := func(name string, holds bool, of ...expr.Truth) {
		t.Helper()
		if !holds {
			t.Errorf("%s does not hold for %v", name, of)
		}
	}
	for _, a := range truths {
		law("double negation", a.Not().Not() == a, a)
		law("idempotence", a.And(a) == a && a.Or(a) == a, a)
		law("neutral elements", a.And(expr.True) == a && a.Or(expr.False) == a, a)
		law("dominance", a.And(expr.False) == expr.False && a.Or(expr.True) == expr.True, a)
		for _, b := range truths {
			law("commutativity", a.And(b) == b.And(a) && a.Or(b) == b.Or(a), a, b)
			law("De Morgan", a.And(b).Not() == a.Not().Or(b.Not()), a, b)
			law("absorption", a.And(a.Or(b)) == a && a.Or(a.And(b)) == a, a, b)
			for _, c := range truths {
				law("associativity", a.And(b.And(c)) == a.And(b).And(c) && a.Or(b.Or(c)) == a.Or(b).Or(c), a, b, c)
				law("distributivity", a.And(b.Or(c)) == a.And(b).Or(a.And(c)), a, b, c)
			}
		}
	}
	law("unknown does not cancel", expr.Unknown.Or(expr.Unknown.Not()) == expr.Unknown)
	if expr.Unknown != 0 || expr.Unknown.String() != "unknown" || expr.True.String() != "true" || expr.False.String() != "false" {
		t.Error("the zero Truth is not Unknown, or its names are wrong")
	}
}

// TestEvaluatorIsKleene runs the compiled code, with its skips, against the laws' own operators for every
// assignment of three conditions, and checks that the comparison which is shown is one that bears the result.
func TestEvaluatorIsKleene(t *testing.T) {
	w := newWorld(t)
	type form struct {
		text string
		want func(a, b, c expr.Truth) expr.Truth
	}
	forms := []form{
		{"a > 0 && b > 0", func(a, b, _ expr.Truth) expr.Truth { return a.And(b) }},
		{"a > 0 || b > 0", func(a, b, _ expr.Truth) expr.Truth { return a.Or(b) }},
		{"!(a > 0) && b > 0", func(a, b, _ expr.Truth) expr.Truth { return a.Not().And(b) }},
		{"a > 0 && b > 0 || pool.Max > 0", func(a, b, c expr.Truth) expr.Truth { return a.And(b).Or(c) }},
		{"a > 0 && (b > 0 || pool.Max > 0)", func(a, b, c expr.Truth) expr.Truth { return a.And(b.Or(c)) }},
		{"!(a > 0 || b > 0) || !(pool.Max > 0)", func(a, b, c expr.Truth) expr.Truth { return a.Or(b).Not().Or(c.Not()) }},
		{"(a > 0 || b > 0) && (b > 0 || pool.Max > 0)", func(a, b, c expr.Truth) expr.Truth { return a.Or(b).And(b.Or(c)) }},
	}
	second := 0.0
	for _, f := range forms {
		e := w.bind(f.text)
		for _, a := range truths {
			for _, b := range truths {
				for _, c := range truths {
					second += 10 // what is not pushed now is stale
					for i, name := range []string{"a", "b", "pool.Max"} {
						if v := []expr.Truth{a, b, c}[i]; v != expr.Unknown {
							w.push(name, second, map[expr.Truth]float64{expr.False: -1, expr.True: 1}[v])
						}
					}
					o := w.one(e, second)
					if want := f.want(a, b, c); o.Truth != want {
						t.Fatalf("%s with %v %v %v: %v, want %v", f.text, a, b, c, o.Truth, want)
					}
					if (o.Truth == expr.Unknown) != (o.Reason.Cause != expr.NotUnknown) {
						t.Fatalf("%s with %v %v %v: %v because %q", f.text, a, b, c, o.Truth, o.Reason)
					}
					if o.Truth == expr.Unknown != (o.Value != o.Value) {
						t.Fatalf("%s with %v %v %v: %v, yet the value is %v", f.text, a, b, c, o.Truth, o.Value)
					}
				}
			}
		}
	}
}
