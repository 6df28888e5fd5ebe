package concur

import (
	"go/token"
	"go/types"
	"math"
	"slices"
)

// interval is what a run has decided about a number: that it is lo at least and hi at most. So i < n and i <= n-1 fall
// alike, and a number above one is not below one at the next question.
type interval struct{ lo, hi int64 }

var everything = interval{math.MinInt64, math.MaxInt64}

// linear is sign*of + offset, or offset alone if of is nil.
type linear struct {
	of     *unknown
	sign   int64
	offset int64
}

// formulaDepth is how deep a formula is looked into: its parts may be the same ones again and again.
const formulaDepth = 6

// linearOf takes v apart into an unknown and what is added to it; false for what is no integer.
func linearOf(v Value) (linear, bool) { return linearTo(v, formulaDepth) }

func linearTo(v Value, depth int) (linear, bool) {
	switch v := v.(type) {
	case int64:
		return linear{offset: v}, true
	case *unknown:
		if !isInteger(v.typ) {
			return linear{}, false
		}
		if n, ok := v.equal.(int64); ok {
			return linear{offset: n}, true
		}
		if depth > 0 && (v.formula.op == token.ADD || v.formula.op == token.SUB) {
			x, ok1 := linearTo(v.formula.x, depth-1)
			y, ok2 := linearTo(v.formula.y, depth-1)
			if sum, ok := x.plus(y, v.formula.op); ok && ok1 && ok2 {
				return sum, true
			}
		}
		return linear{of: v, sign: 1}, true
	}
	return linear{}, false
}

// plus returns x+y or x-y; false if each has an unknown, or a number is too large.
func (x linear) plus(y linear, op token.Token) (linear, bool) {
	if op == token.SUB {
		y.sign, y.offset = -y.sign, -y.offset
	}
	const limit = 1 << 60
	if x.of != nil && y.of != nil || x.offset > limit || x.offset < -limit || y.offset > limit || y.offset < -limit {
		return linear{}, false
	}
	if x.of == nil {
		x.of, x.sign = y.of, y.sign
	}
	x.offset += y.offset
	return x, true
}

// within returns the interval of the values of x.
func (x linear) within() interval {
	if x.of == nil {
		return interval{x.offset, x.offset}
	}
	r := x.of.within()
	if x.sign < 0 {
		r.lo, r.hi = negated(r.hi), negated(r.lo)
	}
	return interval{added(r.lo, x.offset), added(r.hi, x.offset)}
}

// within returns the interval of an unknown number.
func (u *unknown) within() interval {
	n, isNumber := u.equal.(int64)
	switch {
	case isNumber:
		return interval{n, n}
	case u.known != nil:
		return *u.known
	case unsigned(u.typ):
		return interval{0, math.MaxInt64}
	}
	return everything
}

// restrict notes that x lies in r.
func (x linear) restrict(r interval) {
	if x.of == nil {
		return
	}
	r = interval{added(r.lo, -x.offset), added(r.hi, -x.offset)}
	if x.sign < 0 {
		r.lo, r.hi = negated(r.hi), negated(r.lo)
	}
	was := x.of.within()
	r = interval{max(was.lo, r.lo), min(was.hi, r.hi)}
	for slices.Contains(x.of.not, r.lo) && r.lo <= r.hi {
		r.lo++
	}
	for slices.Contains(x.of.not, r.hi) && r.lo <= r.hi {
		r.hi--
	}
	x.of.known = &r
}

// exclude notes that x is not n.
func (x linear) exclude(n int64) {
	if x.of == nil {
		return
	}
	n = added(n, -x.offset)
	if x.sign < 0 {
		n = negated(n)
	}
	x.of.not = append(x.of.not, n)
	x.restrict(everything)
}

// equated notes whether x and y are the same number, and whether that can be.
func equated(x, y Value, outcome bool) bool {
	a, ok1 := linearOf(x)
	b, ok2 := linearOf(y)
	if !ok1 || !ok2 {
		return true
	}
	p, q := a.within(), b.within()
	switch {
	case outcome:
		a.restrict(q)
		b.restrict(p)
	case q.lo == q.hi:
		a.exclude(q.lo)
	case p.lo == p.hi:
		b.exclude(p.lo)
	}
	return a.possible() && b.possible()
}

// possible tells whether a number is left that x may be.
func (x linear) possible() bool {
	r := x.within()
	return r.lo <= r.hi
}

// relate keeps a comparison of two unknown numbers for the time when one of them is settled.
func relate(c *unknown, x, y Value) {
	a, ok1 := linearOf(x)
	b, ok2 := linearOf(y)
	if ok1 && ok2 && a.of != nil && b.of != nil && a.of != b.of {
		a.of.facts = append(a.of.facts, c)
		b.of.facts = append(b.of.facts, c)
	}
}

// less tells whether x < y, where that follows from what the run has decided.
func less(x, y Value) (outcome, known bool) {
	a, ok1 := linearOf(x)
	b, ok2 := linearOf(y)
	if !ok1 || !ok2 {
		return false, false
	}
	if a.of != nil && a.of == b.of && a.sign == b.sign {
		return a.offset < b.offset, true
	}
	p, q := a.within(), b.within()
	switch {
	case p.hi < q.lo:
		return true, true
	case p.lo >= q.hi:
		return false, true
	}
	return false, false
}

// apart tells whether x and y cannot be the same number.
func apart(x, y Value) bool {
	a, ok1 := linearOf(x)
	b, ok2 := linearOf(y)
	if !ok1 || !ok2 {
		return false
	}
	p, q := a.within(), b.within()
	return p.hi < q.lo || q.hi < p.lo
}

// same tells whether x and y must be the same number.
func same(x, y Value) bool {
	a, ok1 := linearOf(x)
	b, ok2 := linearOf(y)
	if !ok1 || !ok2 {
		return false
	}
	if a.of != nil && a.of == b.of && a.sign == b.sign {
		return a.offset == b.offset
	}
	p, q := a.within(), b.within()
	return p.lo == p.hi && p == q
}

// ordered notes the outcome of x < y, and whether that can be.
func ordered(x, y Value, outcome bool) bool {
	a, ok1 := linearOf(x)
	b, ok2 := linearOf(y)
	if !ok1 || !ok2 {
		return true
	}
	p, q := a.within(), b.within()
	if outcome {
		a.restrict(interval{math.MinInt64, added(q.hi, -1)})
		b.restrict(interval{added(p.lo, 1), math.MaxInt64})
	} else {
		a.restrict(interval{q.lo, math.MaxInt64})
		b.restrict(interval{math.MinInt64, p.hi})
	}
	return a.possible() && b.possible()
}

// added returns a+b, where the ends of the interval of everything stay where they are.
func added(a, b int64) int64 {
	switch {
	case a == math.MinInt64 || a == math.MaxInt64:
		return a
	case b > 0 && a > math.MaxInt64-b:
		return math.MaxInt64
	case b < 0 && a < math.MinInt64-b:
		return math.MinInt64
	}
	return a + b
}

func negated(a int64) int64 {
	switch a {
	case math.MinInt64:
		return math.MaxInt64
	case math.MaxInt64:
		return math.MinInt64
	}
	return -a
}

func isInteger(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsInteger != 0
}
