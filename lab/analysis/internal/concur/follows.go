package concur

import (
	"go/token"
	"go/types"
)

// follows returns the outcome of a comparison that nobody has asked for yet, where it follows from what the run has
// decided since it was computed.
func (m *machine) follows(c *unknown) (outcome, known bool) {
	if c.decided {
		return c.outcome, true
	}
	k := c.formula
	x, y := plain(k.x), plain(k.y)
	switch k.op {
	case token.NOT:
		if u, ok := k.x.(*unknown); ok {
			outcome, known = m.follows(u)
			return !outcome, known
		}
	case token.LSS:
		if outcome, known = less(x, y); known {
			return outcome, true
		}
		if m.decidedAs(token.LSS, y, x, true) || m.decidedAs(token.EQL, x, y, true) {
			return false, true
		}
		if m.decidedAs(token.LSS, y, x, false) && m.decidedAs(token.EQL, x, y, false) && isInteger(typeOf(k.x, k.y)) {
			return true, true
		}
	case token.EQL:
		if outcome, known = m.identical(x, y); known {
			return outcome, true
		}
		if apart(x, y) || m.decidedAs(token.LSS, x, y, true) || m.decidedAs(token.LSS, y, x, true) {
			return false, true
		}
		if same(x, y) {
			return true, true
		}
		if m.decidedAs(token.LSS, x, y, false) && m.decidedAs(token.LSS, y, x, false) && isInteger(typeOf(k.x, k.y)) {
			return true, true
		}
	}
	return false, false
}

// decidedAs tells whether the run has decided that the outcome of x op y is as said.
func (m *machine) decidedAs(op token.Token, x, y any, outcome bool) bool {
	if op == token.EQL {
		x, y = inOrder(x, y)
	}
	u := m.mem.exprs[exprKey{op, x, y}]
	return u != nil && u.decided && u.outcome == outcome
}

// plain returns the scalar that v was found equal to, or v.
func plain(v Value) Value {
	if u, ok := v.(*unknown); ok && u.equal != nil {
		return u.equal
	}
	return v
}

func typeOf(x, y any) types.Type {
	for _, v := range []any{x, y} {
		if u, ok := v.(*unknown); ok {
			return u.typ
		}
	}
	return types.Typ[types.Bool]
}

// measure makes numbers of the operands of a comparison that are products, quotients and the like, so that all that is
// computed from the same parts agrees: at the end of a loop those of any kind, elsewhere what is divided by an unknown.
func (m *machine) measure(c *unknown, loop bool) {
	k := c.formula
	switch k.op {
	case token.NOT:
		if u, ok := k.x.(*unknown); ok {
			m.measure(u, loop)
		}
	case token.LSS, token.EQL:
		for _, v := range []any{k.x, k.y} {
			if l, ok := linearOf(v); ok && l.of != nil && compound(l.of, loop, formulaDepth) {
				m.settle(v)
			}
		}
	}
}

func compound(u *unknown, loop bool, depth int) bool {
	switch k := u.formula; k.op {
	case token.MUL, token.ADD, token.SUB, token.SHL, token.SHR:
		return loop || parts(k, loop, depth-1)
	case token.QUO, token.REM:
		if y, ok := k.y.(*unknown); ok && y.equal == nil {
			return true
		}
		return loop || parts(k, loop, depth-1)
	}
	return false
}

func parts(k exprKey, loop bool, depth int) bool {
	for _, v := range []any{k.x, k.y} {
		if u, ok := v.(*unknown); ok && u.equal == nil && depth > 0 && compound(u, loop, depth) {
			return true
		}
	}
	return false
}
