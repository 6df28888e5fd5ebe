package concur

import (
	"go/token"
	"go/types"
	"math"
	"strconv"

	"golang.org/x/tools/go/ssa"
)

func itoa(n int) string { return strconv.Itoa(n) }

// value computes an instruction without effect.
func (m *machine) value(f *frame, in ssa.Value) Value {
	switch in := in.(type) {
	case *ssa.Alloc, *ssa.MakeChan, *ssa.MakeMap, *ssa.MakeSlice, *ssa.MakeInterface, *ssa.MakeClosure:
		return m.make(f, in)
	case *ssa.BinOp:
		return m.binop(in.Op, in.X.Type(), m.get(f, in.X), m.get(f, in.Y), in.Type())
	case *ssa.ChangeInterface:
		return m.get(f, in.X)
	case *ssa.ChangeType:
		return m.get(f, in.X)
	case *ssa.Convert:
		return m.convert(m.get(f, in.X), in.X.Type(), in.Type())
	case *ssa.MultiConvert:
		return m.get(f, in.X)
	case *ssa.Slice:
		return m.slice(f, in)
	case *ssa.TypeAssert:
		return m.typeAssert(m.get(f, in.X), in)
	case *ssa.Range:
		return m.rangeOf(m.get(f, in.X))
	case *ssa.Next:
		return m.next(m.get(f, in.Iter), in)
	}
	if v, ok := m.part(f, in); ok {
		return v
	}
	return m.fresh(in.Type())
}

// make computes an instruction that makes something new.
func (m *machine) make(f *frame, in ssa.Value) Value {
	switch in := in.(type) {
	case *ssa.Alloc:
		c := new(Value)
		*c = m.zero(in.Type().(*types.Pointer).Elem())
		return c
	case *ssa.MakeChan:
		m.nextID++
		ch := &Chan{id: m.nextID, pos: in.Pos(), elem: chanElem(in.Type())}
		switch n := plain(m.get(f, in.Size)).(type) {
		case int64:
			ch.cap = int(min(max(n, 0), 1<<20))
		default: // a capacity we do not know: suppose that there is room
			ch.cap = 1 << 20
			if u, ok := n.(*unknown); ok && u.formula == (exprKey{}) && u.within().hi > 0 {
				linear{of: u, sign: 1}.restrict(interval{1, math.MaxInt64})
			}
		}
		return ch
	case *ssa.MakeMap:
		return &mapVal{}
	case *ssa.MakeSlice:
		n, ok := m.get(f, in.Len).(int64)
		c, ok2 := m.get(f, in.Cap).(int64)
		if !ok || !ok2 || n < 0 || c < n || c > maxArray {
			if u, ok := m.fresh(in.Type()).(*unknown); ok {
				u.size = m.get(f, in.Len)
				return u
			}
			break
		}
		s := make(sliceVal, n, max(c, 1))
		for i := range s {
			s[i] = m.zero(in.Type().Underlying().(*types.Slice).Elem())
		}
		return s
	case *ssa.MakeInterface:
		return iface{in.X.Type(), copyVal(m.get(f, in.X))}
	case *ssa.MakeClosure:
		c := &closure{fn: in.Fn.(*ssa.Function)}
		for _, b := range in.Bindings {
			c.env = append(c.env, m.get(f, b))
		}
		return c
	}
	return m.fresh(in.Type())
}

// part computes an instruction that takes a part of a value; false if the model does not know the part.
func (m *machine) part(f *frame, in ssa.Value) (Value, bool) {
	switch in := in.(type) {
	case *ssa.FieldAddr:
		return m.fieldAddr(m.get(f, in.X), in.Field, in.Type()), true
	case *ssa.Field:
		switch x := m.get(f, in.X).(type) {
		case structVal:
			return x[in.Field], true
		case *unknown:
			return m.field(x, in.Field, in.Type()), true
		}
	case *ssa.IndexAddr:
		return m.indexAddr(m.get(f, in.X), m.get(f, in.Index), in), true
	case *ssa.Index:
		if a, ok := m.get(f, in.X).(arrayVal); ok {
			if i, ok := m.get(f, in.Index).(int64); ok && i >= 0 && int(i) < len(a) {
				return a[i], true
			}
		}
	case *ssa.Lookup:
		return m.lookup(m.get(f, in.X), m.get(f, in.Index), in), true
	case *ssa.Extract:
		if t, ok := m.get(f, in.Tuple).(tuple); ok && in.Index < len(t) {
			return t[in.Index], true
		}
	}
	return nil, false
}

func (m *machine) fieldAddr(p Value, i int, t types.Type) Value {
	c := m.deref(p)
	if c == nil {
		m.stop(pruned)
		return nil
	}
	switch s := (*c).(type) {
	case structVal:
		if i < len(s) {
			return &s[i]
		}
	case *Sync:
		if s.kind == "Cond" {
			return &s.L
		}
		return &s.val
	case *unknown:
		lay := m.symbolic(s.typ)
		if sv, ok := lay.(structVal); ok && i < len(sv) {
			for j := range sv {
				if known := s.fields[j]; known != nil {
					sv[j] = known
				}
			}
			*c = sv
			m.env = append(m.env, c)
			return &sv[i]
		}
	}
	return m.fresh(t)
}

// slices of unknown length are given one, so that everything which depends on it agrees.
const unknownLen = 2

func (m *machine) sliceOf(v Value) (sliceVal, bool) { return m.lengths(v, 1, 0, unknownLen) }

// lengths is v as a slice; of an unknown one it chooses the length.
func (m *machine) lengths(v Value, lengths ...int) (sliceVal, bool) {
	switch v := v.(type) {
	case nil:
		return nil, true
	case sliceVal:
		return v, true
	case *unknown:
		if !v.sliced {
			st, ok := v.typ.Underlying().(*types.Slice)
			if !ok {
				return nil, false
			}
			v.sliced = true
			if n, ok := m.settle(v.size); ok && n <= maxArray {
				for range n {
					v.slice = append(v.slice, m.zero(st.Elem()))
				}
				m.env = append(m.env, v)
				return v.slice, true
			}
			for range lengths[m.choose(len(lengths))] {
				v.slice = append(v.slice, m.symbolic(st.Elem()))
			}
			m.env = append(m.env, v)
		}
		return v.slice, true
	}
	return nil, false
}

func (m *machine) indexAddr(x, idx Value, in *ssa.IndexAddr) Value {
	var a []Value
	if _, ok := in.X.Type().Underlying().(*types.Slice); ok {
		s, ok := m.sliceOf(x)
		if !ok {
			return m.fresh(in.Type())
		}
		a = s
	} else {
		c := m.deref(x)
		if c == nil {
			m.stop(pruned)
			return nil
		}
		arr, ok := (*c).(arrayVal)
		if !ok {
			return m.fresh(in.Type())
		}
		a = arr
	}
	i, ok := plain(idx).(int64)
	if u, isUnknown := idx.(*unknown); !ok && isUnknown && compound(u, false, formulaDepth) {
		i, ok = m.settle(u)
	}
	if !ok {
		if len(a) == 0 {
			return m.fresh(in.Type())
		}
		return &a[m.choose(len(a))]
	}
	if i < 0 || int(i) >= len(a) {
		m.stop(pruned)
		return nil
	}
	return &a[i]
}

func (m *machine) unop(in *ssa.UnOp, x Value) Value {
	switch in.Op {
	case token.MUL:
		c := m.deref(x)
		if c == nil {
			m.stop(pruned)
			return nil
		}
		return copyVal(*c)
	case token.NOT:
		switch x := x.(type) {
		case bool:
			return !x
		case *unknown:
			if x.decided {
				return !x.outcome
			}
			return m.expr(token.NOT, x, nil, in.Type())
		}
	case token.SUB:
		switch x := x.(type) {
		case int64:
			return wrap(-x, in.Type())
		case float64:
			return -x
		}
	case token.XOR:
		if x, ok := x.(int64); ok {
			return wrap(^x, in.Type())
		}
	}
	return m.fresh(in.Type())
}

// expr returns the one unknown that stands for op(x, y).
func (m *machine) expr(op token.Token, x, y Value, t types.Type) Value {
	k := exprKey{op, x, y}
	if u := m.mem.exprs[k]; u != nil {
		return u
	}
	u := m.newUnknown(t)
	u.formula = k
	m.mem.exprs[k] = u
	return u
}

func (m *machine) convert(x Value, from, to types.Type) Value {
	tb, ok := to.Underlying().(*types.Basic)
	if !ok {
		if _, isPtr := to.Underlying().(*types.Pointer); isPtr {
			return x
		}
		return m.fresh(to)
	}
	switch v := x.(type) {
	case int64:
		switch {
		case tb.Info()&types.IsInteger != 0:
			return wrap(v, to)
		case tb.Info()&types.IsFloat != 0:
			return float64(v)
		}
	case float64:
		switch {
		case tb.Info()&types.IsInteger != 0:
			return wrap(int64(v), to)
		case tb.Info()&types.IsFloat != 0:
			return v
		}
	case string:
		if tb.Info()&types.IsString != 0 {
			return v
		}
	case *unknown:
		if tb.Info()&types.IsInteger != 0 {
			if fb, ok := from.Underlying().(*types.Basic); ok && fb.Info()&types.IsInteger != 0 {
				return v
			}
		}
	case *Value, nil:
		if tb.Kind() == types.UnsafePointer {
			return v
		}
	}
	return m.fresh(to)
}

func (m *machine) slice(f *frame, in *ssa.Slice) Value {
	x := m.get(f, in.X)
	bound := func(v ssa.Value, def int) (int, bool) {
		if v == nil {
			return def, true
		}
		i, ok := m.settle(m.get(f, v))
		return int(i), ok
	}
	if s, ok := x.(string); ok {
		lo, ok1 := bound(in.Low, 0)
		hi, ok2 := bound(in.High, len(s))
		if ok1 && ok2 && 0 <= lo && lo <= hi && hi <= len(s) {
			return s[lo:hi]
		}
		return m.fresh(in.Type())
	}
	var a sliceVal
	if c, ok := x.(*Value); ok {
		arr, ok := (*c).(arrayVal)
		if !ok {
			return m.fresh(in.Type())
		}
		a = sliceVal(arr)
	} else {
		if _, ok := in.X.Type().Underlying().(*types.Slice); !ok {
			return m.fresh(in.Type())
		}
		s, ok := m.sliceOf(x)
		if !ok {
			return m.fresh(in.Type())
		}
		a = s
	}
	lo, ok1 := bound(in.Low, 0)
	hi, ok2 := bound(in.High, len(a))
	mx, ok3 := bound(in.Max, cap(a))
	if !ok1 || !ok2 || !ok3 {
		return m.fresh(in.Type())
	}
	if lo < 0 || lo > hi || hi > mx || mx > cap(a) {
		m.stop(pruned)
		return nil
	}
	return a[lo:hi:mx]
}

func (m *machine) typeAssert(x Value, in *ssa.TypeAssert) Value {
	result := func(v Value, ok bool) Value {
		if !in.CommaOk {
			if !ok {
				m.stop(pruned)
			}
			return v
		}
		return tuple{v, ok}
	}
	_, toIface := in.AssertedType.Underlying().(*types.Interface)
	switch x := x.(type) {
	case nil:
		return result(m.zero(in.AssertedType), false)
	case iface:
		var ok bool
		if toIface {
			ok = types.Implements(x.typ, in.AssertedType.Underlying().(*types.Interface))
			if !ok {
				return result(nil, false)
			}
			return result(x, true)
		}
		if ok = types.Identical(x.typ, in.AssertedType); ok {
			return result(copyVal(x.val), true)
		}
		return result(m.zero(in.AssertedType), false)
	case *unknown:
		key := in.AssertedType.String()
		u, seen := x.asserts[key]
		if !seen {
			if x.asserts == nil {
				x.asserts = make(map[string]*unknown)
			}
			if !in.CommaOk || m.choose(2) == 0 {
				u = m.newUnknown(in.AssertedType)
			}
			x.asserts[key] = u
		}
		if u == nil {
			return result(m.zero(in.AssertedType), false)
		}
		return result(u, true)
	}
	return m.fresh(in.Type())
}
