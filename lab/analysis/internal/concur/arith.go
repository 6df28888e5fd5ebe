package concur

import (
	"go/token"
	"go/types"
	"math"

	"golang.org/x/tools/go/ssa"
)

// wrap reduces v to the width of the integer type t.
func wrap(v int64, t types.Type) int64 {
	b, ok := t.Underlying().(*types.Basic)
	if !ok {
		return v
	}
	switch b.Kind() {
	case types.Int8:
		return int64(int8(v))
	case types.Int16:
		return int64(int16(v))
	case types.Int32:
		return int64(int32(v))
	case types.Uint8:
		return int64(uint8(v))
	case types.Uint16:
		return int64(uint16(v))
	case types.Uint32:
		return int64(uint32(v))
	}
	return v
}

func unsigned(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsUnsigned != 0
}

// binop computes x op y, whose operands have type xt.
func (m *machine) binop(op token.Token, xt types.Type, x, y Value, t types.Type) Value {
	if u, ok := x.(*unknown); ok && u.equal != nil {
		x = u.equal
	}
	if u, ok := y.(*unknown); ok && u.equal != nil {
		y = u.equal
	}
	switch op {
	case token.EQL, token.NEQ:
		eq, known := m.identical(x, y)
		if known {
			return eq == (op == token.EQL)
		}
		if apart(x, y) {
			return op == token.NEQ
		}
		if same(x, y) {
			return op == token.EQL
		}
		return m.equality(op, x, y, t)
	case token.GTR:
		return m.binop(token.LSS, xt, y, x, t)
	case token.GEQ:
		return m.not(m.binop(token.LSS, xt, x, y, t))
	case token.LEQ:
		return m.not(m.binop(token.LSS, xt, y, x, t))
	}
	switch a := x.(type) {
	case int64:
		if b, ok := y.(int64); ok {
			return m.intOp(op, xt, a, b, t)
		}
	case float64:
		if b, ok := y.(float64); ok {
			return m.floatOp(op, a, b, t)
		}
	case string:
		if b, ok := y.(string); ok {
			switch op {
			case token.ADD:
				if len(a)+len(b) < 1<<12 {
					return a + b
				}
			case token.LSS:
				return a < b
			}
		}
	}
	if op == token.LSS {
		if outcome, known := less(x, y); known {
			return outcome
		}
	}
	if operand(x) && operand(y) {
		u := m.expr(op, x, y, t)
		if b, ok := u.(*unknown); ok && b.decided {
			return b.outcome
		}
		return u
	}
	return m.fresh(t)
}

func operand(v Value) bool {
	_, ok := v.(*unknown)
	return ok || v == nil || scalar(v)
}

// equality is the remembered outcome of comparing x with y when it is not known.
func (m *machine) equality(op token.Token, x, y Value, t types.Type) Value {
	if !operand(x) || !operand(y) {
		return m.fresh(t)
	}
	x, y = inOrder(x, y)
	u := m.expr(token.EQL, x, y, t)
	if b, ok := u.(*unknown); ok && b.decided {
		u = b.outcome
	}
	if op == token.NEQ {
		return m.not(u)
	}
	return u
}

// inOrder returns x and y, of which one is unknown, such that x == y and y == x are the same question.
func inOrder(x, y Value) (Value, Value) {
	ux, ok := x.(*unknown)
	if uy, both := y.(*unknown); !ok || both && uy.id < ux.id {
		return y, x
	}
	return x, y
}

// differ tells whether the run has decided that x and y are not equal.
func (m *machine) differ(x, y Value) bool {
	switch eq := m.binop(token.EQL, types.Typ[types.Int], x, y, types.Typ[types.Bool]).(type) {
	case bool:
		return !eq
	case *unknown:
		outcome, known := m.follows(eq)
		return known && !outcome
	}
	return false
}

// resolve notes whether x and y are equal.
func (m *machine) resolve(x, y Value, outcome bool) {
	if u, ok := m.equality(token.EQL, x, y, types.Typ[types.Bool]).(*unknown); ok && !u.decided {
		u.decided, u.outcome = true, outcome
		m.learn(u)
	}
}

func (m *machine) not(v Value) Value {
	switch v := v.(type) {
	case bool:
		return !v
	case *unknown:
		if v.decided {
			return !v.outcome
		}
		return m.expr(token.NOT, v, nil, v.typ)
	}
	return v
}

func (m *machine) intOp(op token.Token, xt types.Type, a, b int64, t types.Type) Value {
	uns := unsigned(xt)
	switch op {
	case token.ADD:
		return wrap(a+b, t)
	case token.SUB:
		return wrap(a-b, t)
	case token.MUL:
		return wrap(a*b, t)
	case token.QUO, token.REM:
		if b == 0 || (a == math.MinInt64 && b == -1) {
			m.stop(pruned)
			return int64(0)
		}
		if uns {
			if op == token.QUO {
				return wrap(int64(uint64(a)/uint64(b)), t)
			}
			return wrap(int64(uint64(a)%uint64(b)), t)
		}
		if op == token.QUO {
			return wrap(a/b, t)
		}
		return wrap(a%b, t)
	case token.AND:
		return a & b
	case token.OR:
		return a | b
	case token.XOR:
		return wrap(a^b, t)
	case token.AND_NOT:
		return a &^ b
	case token.SHL:
		if b < 0 || b > 63 {
			return int64(0)
		}
		return wrap(a<<uint(b), t)
	case token.SHR:
		if b < 0 || b > 63 {
			return int64(0)
		}
		if uns {
			return int64(uint64(a) >> uint(b))
		}
		return a >> uint(b)
	case token.LSS:
		if uns {
			return uint64(a) < uint64(b)
		}
		return a < b
	}
	return m.fresh(t)
}

func (m *machine) floatOp(op token.Token, a, b float64, t types.Type) Value {
	switch op {
	case token.ADD:
		return a + b
	case token.SUB:
		return a - b
	case token.MUL:
		return a * b
	case token.QUO:
		return a / b
	case token.LSS:
		return a < b
	}
	return m.fresh(t)
}

// maxKeys is the number of keys of a map beyond which an unknown key is not compared with each of them.
const maxKeys = 8

func (mv *mapVal) find(m *machine, k Value) int {
	m.steps += len(mv.keys) // a map that grows from round to round must not take longer from run to run
	for i := range mv.keys {
		if eq, known := m.identical(mv.keys[i], k); eq && known {
			return i
		}
	}
	return -1
}

func (m *machine) mapUpdate(f *frame, in *ssa.MapUpdate) {
	k, v := copyVal(m.get(f, in.Key)), copyVal(m.get(f, in.Value))
	switch mv := m.get(f, in.Map).(type) {
	case *mapVal:
		if i := mv.find(m, k); i >= 0 {
			mv.vals[i] = v
			return
		}
		mv.keys = append(mv.keys, k)
		mv.vals = append(mv.vals, v)
	case nil:
		m.stop(pruned)
	default:
		if u, ok := mv.(*unknown); ok {
			u.changed = true
		}
		m.env = append(m.env, k, v)
	}
}

// entries returns how many entries an unknown map has; false if the program has changed that.
func (m *machine) entries(u *unknown) (int, bool) {
	if u.changed {
		return 0, false
	}
	if !u.counted {
		u.counted = true
		u.count = [3]int{1, 0, unknownLen}[m.choose(3)]
	}
	return u.count, true
}

func (m *machine) lookup(x, k Value, in *ssa.Lookup) Value {
	elem := in.Type()
	if tup, ok := elem.(*types.Tuple); ok {
		elem = tup.At(0).Type()
	}
	result := func(v Value, ok Value) Value {
		if in.CommaOk {
			return tuple{v, ok}
		}
		return v
	}
	switch mv := x.(type) {
	case nil:
		return result(m.zero(elem), false)
	case *mapVal:
		if i := mv.find(m, k); i >= 0 {
			return result(copyVal(mv.vals[i]), true)
		}
		if u, ok := k.(*unknown); ok && u.equal == nil {
			var may []int
			for i, key := range mv.keys[:min(len(mv.keys), maxKeys)] {
				if !m.differ(key, k) {
					may = append(may, i)
				}
			}
			n := m.choose(len(may)+1) - 1
			for i, at := range may {
				if n == i || n < 0 {
					m.resolve(mv.keys[at], k, n == i)
				}
			}
			if n >= 0 {
				return result(copyVal(mv.vals[may[n]]), true)
			}
		}
		return result(m.zero(elem), false)
	case string:
		if i, ok := k.(int64); ok {
			if i < 0 || int(i) >= len(mv) {
				m.stop(pruned)
				return int64(0)
			}
			return int64(mv[i])
		}
	case *unknown:
		if !mv.changed {
			for i, key := range mv.keys {
				if eq, known := m.identical(key, k); eq && known {
					return result(copyVal(mv.vals[i]), true)
				}
			}
		}
		if in.CommaOk {
			if m.choose(2) == 1 {
				return tuple{m.zero(elem), false}
			}
			return tuple{m.fresh(elem), true}
		}
	}
	return m.fresh(in.Type())
}

// iterator is what a range over a map or a string holds.
type iterator struct {
	keys, vals []Value
	of         *mapVal
	unknown    *unknown
	n          int
}

func (m *machine) rangeOf(x Value) Value {
	switch x := x.(type) {
	case *mapVal:
		return &iterator{keys: append([]Value(nil), x.keys...), of: x}
	case string:
		it := &iterator{}
		for i, r := range x {
			it.keys = append(it.keys, int64(i))
			it.vals = append(it.vals, int64(r))
		}
		return it
	case *unknown:
		return &iterator{unknown: x}
	}
	return &iterator{}
}

func (m *machine) next(x Value, in *ssa.Next) Value {
	it, ok := x.(*iterator)
	tup := in.Type().(*types.Tuple)
	if !ok {
		return tuple{false, nil, nil}
	}
	if it.unknown != nil {
		it.n++
		n, ok := m.entries(it.unknown)
		if it.n > n && ok || !ok && (it.n > 2 || m.choose(2) == 1) {
			return tuple{false, m.zeroOf(tup.At(1).Type()), m.zeroOf(tup.At(2).Type())}
		}
		if ok {
			if t, isMap := it.unknown.typ.Underlying().(*types.Map); isMap {
				return m.entry(it.unknown, it.n-1, t)
			}
		}
		return tuple{true, m.freshOf(tup.At(1).Type()), m.freshOf(tup.At(2).Type())}
	}
	for it.n < len(it.keys) {
		k := it.keys[it.n]
		it.n++
		if it.of == nil {
			return tuple{true, k, it.vals[it.n-1]}
		}
		if i := it.of.find(m, k); i >= 0 { // not deleted meanwhile
			return tuple{true, k, copyVal(it.of.vals[i])}
		}
	}
	return tuple{false, m.zeroOf(tup.At(1).Type()), m.zeroOf(tup.At(2).Type())}
}

// entry returns what the range over the unknown map u meets at place n: the same each time.
func (m *machine) entry(u *unknown, n int, t *types.Map) Value {
	for len(u.keys) <= n {
		u.keys = append(u.keys, m.fresh(t.Key()))
		u.vals = append(u.vals, m.fresh(t.Elem()))
	}
	return tuple{true, u.keys[n], copyVal(u.vals[n])}
}

// The blank variables of a range have the invalid type.
func (m *machine) zeroOf(t types.Type) Value {
	if t == types.Typ[types.Invalid] {
		return nil
	}
	return m.zero(t)
}

func (m *machine) freshOf(t types.Type) Value {
	if t == types.Typ[types.Invalid] {
		return nil
	}
	return m.fresh(t)
}
