package facts

import (
	"go/types"
	"math"
	"testing"
)

// What was decided about n decides about n+1, 3-n and others, and nothing about what has nothing to do with it.
func TestIntervals(t *testing.T) {
	integer := types.Typ[types.Int]
	n, other := &Term{Type: integer}, &Term{Type: integer}
	plus := func(x any, op Op, y any) *Term {
		return &Term{Type: integer, formula: Formula{op, x, y}}
	}
	orderNumbers(n, int64(5), true)                       // n < 5
	orderNumbers(int64(1), n, true)                       // 1 < n
	orderNumbers(plus(n, Add, int64(2)), int64(4), false) // n+2 >= 4
	if got, want := n.within(), (Interval{2, 4}); got != want {
		t.Fatalf("n lies in %v, want %v", got, want)
	}
	for _, tt := range []struct {
		name           string
		x, y           any
		outcome, known bool
	}{
		{"n < 5", n, int64(5), true, true},
		{"n < 2", n, int64(2), false, true},
		{"n < 3", n, int64(3), false, false},
		{"n+1 < 6", plus(n, Add, int64(1)), int64(6), true, true},
		{"n < n+1", n, plus(n, Add, int64(1)), true, true},
		{"3-n < 2", plus(int64(3), Sub, n), int64(2), true, true},
		{"0 < 2-n", int64(0), plus(int64(2), Sub, n), false, true},
		{"other < n", other, n, false, false},
		{"n+other < 9", plus(n, Add, other), int64(9), false, false},
		{"unsigned < 0", &Term{Type: types.Typ[types.Uint8]}, int64(0), false, true},
		{"text", &Term{Type: types.Typ[types.String]}, "x", false, false},
	} {
		if outcome, known := less(tt.x, tt.y); outcome != tt.outcome || known != tt.known {
			t.Errorf("%s: %v, known %v; want %v, %v", tt.name, outcome, known, tt.outcome, tt.known)
		}
	}
	if !apart(n, int64(7)) || apart(n, int64(3)) || apart(n, other) {
		t.Error("n may be 3 and cannot be 7")
	}
	n.equal = int64(3)
	if outcome, known := less(n, int64(4)); !outcome || !known {
		t.Error("n is 3, and not known to be less than 4")
	}
	if added(math.MaxInt64-1, 5) != math.MaxInt64 || added(math.MinInt64, 1) != math.MinInt64 || negated(math.MinInt64) != math.MaxInt64 {
		t.Error("the ends of the interval move")
	}
}

// A formula of which each part occurs twice in the next has an end, as the hash functions of math/rand have.
func TestDoubledFormula(t *testing.T) {
	integer := types.Typ[types.Int]
	u := &Term{Type: integer}
	for range 64 {
		u = &Term{Type: integer, formula: Formula{Add, u, u}}
	}
	if _, known := less(u, int64(1)); known {
		t.Error("an unknown sum is known to be less than 1")
	}
	if n, ok := new(Solver).Number(u); ok {
		t.Errorf("a formula this deep is settled as %d", n)
	}
	if compound(u, false, formulaDepth) {
		t.Error("a sum of numbers is taken for a product")
	}
}
