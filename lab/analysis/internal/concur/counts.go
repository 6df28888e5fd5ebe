package concur

import (
	"go/token"
	"go/types"
)

// uncounted is the counter of a WaitGroup after an Add of a number nobody knows: its Wait is over when nothing else goes on.
const uncounted = 1 << 40

// uncountable tells whether s is a WaitGroup to which a number was added that nobody knows.
func (s *Sync) uncountable() bool { return s.count >= uncounted/2 }

// delta returns what is added to a WaitGroup as a number, or uncounted.
func (m *machine) delta(v Value) int64 {
	if n, ok := m.settle(v); ok {
		return n
	}
	return uncounted
}

// settle returns v as a number. A parameter or the like becomes one or two for the rest of the run, so that the loop that
// starts as many goroutines agrees; so does the result of a call, here and where the same is asked again. Sums and
// products follow from their parts.
func (m *machine) settle(v Value) (int64, bool) { return m.settleTo(v, formulaDepth) }

func (m *machine) settleTo(v Value, depth int) (int64, bool) {
	u, ok := v.(*unknown)
	if !ok {
		n, ok := v.(int64)
		return n, ok
	}
	if n, ok := u.equal.(int64); ok {
		return n, true
	}
	var n int64
	switch k := u.formula; k.op {
	case token.ILLEGAL, asked:
		r := u.within()
		n = min(max(int64(1+m.choose(2)), r.lo), r.hi)
	case token.ADD, token.SUB, token.MUL, token.QUO, token.REM, token.SHL, token.SHR:
		if depth == 0 {
			return 0, false
		}
		x, ok1 := m.settleTo(k.x, depth-1)
		y, ok2 := m.settleTo(k.y, depth-1)
		if !ok1 || !ok2 {
			return 0, false
		}
		if n, ok = m.intOp(k.op, u.typ, x, y, u.typ).(int64); !ok {
			return 0, false
		}
	default:
		return 0, false
	}
	u.equal = n
	facts := u.facts
	u.facts = nil
	for _, c := range facts {
		m.learn(c)
	}
	if u.formula.op == asked {
		m.mem.exprs[u.formula] = u
	}
	return n, true
}

// asked is the operator in the formula of what the outside answers: x is the function, y its receiver or only argument.
const asked = token.FUNC

// answer returns what comes of a call of type t to the outside. It may differ each time, except for how much there is to
// do. A program that starts goroutines while i < runtime.NumCPU(), and receives for each of pool.Workers() or
// job.Parts(), means the same number when it asks again elsewhere.
func (m *machine) answer(c *call, t types.Type) Value {
	if results, ok := t.(*types.Tuple); ok && results.Len() == 1 {
		t = results.At(0).Type()
	}
	if k, ok := c.pure(); ok {
		return m.same(k, t)
	}
	k, ok := question(c)
	if !ok || !countable(t) {
		return m.fresh(t)
	}
	eachRound, bounds := c.g.frames[len(c.g.frames)-1].info.bounds[c.common]
	if u := m.mem.exprs[k]; u != nil && (u.asker != c.common || eachRound) {
		return u
	}
	u := m.newUnknown(t)
	u.formula, u.asker = k, c.common
	if bounds {
		m.mem.exprs[k] = u
	}
	return u
}

// pure returns the formula of what comes of a call whose result depends on its arguments only.
func (c *call) pure() (k exprKey, ok bool) {
	var args [4]any
	if c.common == nil || len(c.args) == 0 || len(c.args) > len(args) {
		return k, false
	}
	f := c.common.StaticCallee()
	if f == nil || f.Pkg == nil || f.Signature.Recv() != nil {
		return k, false
	}
	switch f.Pkg.Pkg.Path() {
	case "strings", "strconv", "unicode", "unicode/utf8", "math", "math/bits", "path":
	default:
		return k, false
	}
	for i, a := range c.args {
		if !operand(a) {
			return k, false
		}
		args[i] = plain(a)
	}
	return exprKey{asked, f, args}, true
}

// same returns what is the same each time k is asked.
func (m *machine) same(k exprKey, t types.Type) Value {
	u := m.mem.exprs[k]
	if u == nil {
		u = m.newUnknown(t)
		u.formula = k
		m.mem.exprs[k] = u
	}
	tup, ok := t.(*types.Tuple)
	if !ok {
		return u
	}
	v := make(tuple, tup.Len())
	for i := range v {
		v[i] = m.field(u, i, tup.At(i).Type())
	}
	return v
}

func countable(t types.Type) bool {
	_, isSlice := t.Underlying().(*types.Slice)
	return isSlice || isInteger(t)
}

// question is the formula of a call's answer; false for calls of several arguments.
func question(c *call) (k exprKey, ok bool) {
	if c.common == nil || len(c.args) > 1 || len(c.g.frames) == 0 {
		return k, false
	}
	k.op = asked
	if f := c.common.StaticCallee(); f != nil {
		k.x = f
	} else if c.common.IsInvoke() {
		k.x = c.common.Method
	} else {
		return k, false
	}
	if len(c.args) == 1 {
		switch a := c.args[0].(type) {
		case nil, *unknown, *Value, int64, string, bool:
			k.y = a
		default:
			return k, false
		}
	}
	return k, true
}
