package facts

import (
	"math"
	"slices"
)

// Interval is what a run has supposed about a number: that it is Lo at least and Hi at most. So i < n and i <= n-1 have the
// same outcome, and a number above one is not below one at the next question.
type Interval struct{ Lo, Hi int64 }

var everything = Interval{math.MinInt64, math.MaxInt64}

// linear is sign*of + offset, or offset alone if of is nil.
type linear struct {
	of     *Term
	sign   int64
	offset int64
}

// formulaDepth is how deep a formula is looked into: its parts may be the same ones again and again.
const formulaDepth = 6

// linearOf takes v apart into an unknown and what is added to it; false for what is no integer.
func linearOf(v any) (linear, bool) { return linearTo(v, formulaDepth) }

func linearTo(v any, depth int) (linear, bool) {
	switch v := v.(type) {
	case int64:
		return linear{offset: v}, true
	case *Term:
		if !IsInteger(v.Type) {
			return linear{}, false
		}
		if n, ok := v.equal.(int64); ok {
			return linear{offset: n}, true
		}
		if depth > 0 && (v.formula.Op == Add || v.formula.Op == Sub) {
			x, ok1 := linearTo(v.formula.X, depth-1)
			y, ok2 := linearTo(v.formula.Y, depth-1)
			if sum, ok := x.plus(y, v.formula.Op); ok && ok1 && ok2 {
				return sum, true
			}
		}
		return linear{of: v, sign: 1}, true
	}
	return linear{}, false
}

// plus returns x+y or x-y; false if each has an unknown, or a number is too large.
func (x linear) plus(y linear, op Op) (linear, bool) {
	if op == Sub {
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

// within returns the Interval of the values of x.
func (x linear) within() Interval {
	if x.of == nil {
		return Interval{x.offset, x.offset}
	}
	r := x.of.within()
	if x.sign < 0 {
		r.Lo, r.Hi = negated(r.Hi), negated(r.Lo)
	}
	return Interval{added(r.Lo, x.offset), added(r.Hi, x.offset)}
}

// within returns the Interval of an unknown number.
func (u *Term) within() Interval {
	n, isNumber := u.equal.(int64)
	switch {
	case isNumber:
		return Interval{n, n}
	case u.bounds != nil:
		return *u.bounds
	case unsigned(u.Type):
		return Interval{0, math.MaxInt64}
	}
	return everything
}

// restrict notes that x lies in r.
func (x linear) restrict(r Interval) {
	if x.of == nil {
		return
	}
	r = Interval{added(r.Lo, -x.offset), added(r.Hi, -x.offset)}
	if x.sign < 0 {
		r.Lo, r.Hi = negated(r.Hi), negated(r.Lo)
	}
	was := x.of.within()
	r = Interval{max(was.Lo, r.Lo), min(was.Hi, r.Hi)}
	for slices.Contains(x.of.not, r.Lo) && r.Lo <= r.Hi {
		r.Lo++
	}
	for slices.Contains(x.of.not, r.Hi) && r.Lo <= r.Hi {
		r.Hi--
	}
	x.of.bounds = &r
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

// equateNumbers notes whether x and y are the same number, and whether that can be.
func equateNumbers(x, y any, outcome bool) bool {
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
	case q.Lo == q.Hi:
		a.exclude(q.Lo)
	case p.Lo == p.Hi:
		b.exclude(p.Lo)
	}
	return a.possible() && b.possible()
}

// possible tells whether a number is left that x may be.
func (x linear) possible() bool {
	r := x.within()
	return r.Lo <= r.Hi
}

// relate keeps a comparison of two unknown numbers for the time when one of them is settled.
func relate(c *Term, x, y any) {
	a, ok1 := linearOf(x)
	b, ok2 := linearOf(y)
	if ok1 && ok2 && a.of != nil && b.of != nil && a.of != b.of {
		a.of.relations = append(a.of.relations, c)
		b.of.relations = append(b.of.relations, c)
	}
}

// less tells whether x < y, where that follows from what the run has decided.
func less(x, y any) (outcome, known bool) {
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
	case p.Hi < q.Lo:
		return true, true
	case p.Lo >= q.Hi:
		return false, true
	}
	return false, false
}

// apart tells whether x and y cannot be the same number.
func apart(x, y any) bool {
	a, ok1 := linearOf(x)
	b, ok2 := linearOf(y)
	if !ok1 || !ok2 {
		return false
	}
	p, q := a.within(), b.within()
	return p.Hi < q.Lo || q.Hi < p.Lo
}

// same tells whether x and y must be the same number.
func same(x, y any) bool {
	a, ok1 := linearOf(x)
	b, ok2 := linearOf(y)
	if !ok1 || !ok2 {
		return false
	}
	if a.of != nil && a.of == b.of && a.sign == b.sign {
		return a.offset == b.offset
	}
	p, q := a.within(), b.within()
	return p.Lo == p.Hi && p == q
}

// orderNumbers notes the outcome of x < y, and whether that can be.
func orderNumbers(x, y any, outcome bool) bool {
	a, ok1 := linearOf(x)
	b, ok2 := linearOf(y)
	if !ok1 || !ok2 {
		return true
	}
	p, q := a.within(), b.within()
	if outcome {
		a.restrict(Interval{math.MinInt64, added(q.Hi, -1)})
		b.restrict(Interval{added(p.Lo, 1), math.MaxInt64})
	} else {
		a.restrict(Interval{q.Lo, math.MaxInt64})
		b.restrict(Interval{math.MinInt64, p.Hi})
	}
	return a.possible() && b.possible()
}

// added returns a+b, where the ends of the Interval of everything stay where they are.
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
