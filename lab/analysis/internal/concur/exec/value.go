package exec

import (
	constants "go/constant"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/facts"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/heap"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/prim"
)

// value computes an instruction without effect.
func (x frame) value(in ssa.Value) Value {
	m := x.m
	switch in := in.(type) {
	case *ssa.BinOp:
		return m.Binary(in.Op, in.X.Type(), x.get(in.X), x.get(in.Y), in.Type())
	case *ssa.ChangeInterface:
		return x.get(in.X)
	case *ssa.ChangeType:
		return x.get(in.X)
	case *ssa.MultiConvert:
		return x.get(in.X)
	case *ssa.Convert:
		return convert(m, x.get(in.X), in.X.Type(), in.Type())
	case *ssa.Slice:
		bound := func(v ssa.Value) Value {
			if v == nil {
				return nil
			}
			return x.get(v)
		}
		return m.Cut(x.get(in.X), in.X.Type(), bound(in.Low), bound(in.High), bound(in.Max), in.Type())
	case *ssa.TypeAssert:
		return x.typeAssert(x.get(in.X), in)
	case *ssa.Range:
		return m.Range(x.get(in.X))
	case *ssa.Next:
		if it, ok := x.get(in.Iter).(*heap.Iterator); ok {
			return m.Next(it, in.Type().(*types.Tuple))
		}
		return heap.Tuple{false, nil, nil}
	}
	if v, ok := x.made(in); ok {
		return v
	}
	if v, ok := x.part(in); ok {
		return v
	}
	return m.Fresh(in.Type())
}

// made computes an instruction that makes something new; false if in is none.
func (x frame) made(in ssa.Value) (Value, bool) {
	m := x.m
	switch in := in.(type) {
	case *ssa.Alloc:
		c := new(Value)
		*c = m.Zero(in.Type().(*types.Pointer).Elem())
		return c, true
	case *ssa.MakeChan:
		return prim.MakeChan(in.Type(), x.get(in.Size), in.Pos()), true
	case *ssa.MakeMap:
		return &heap.Map{}, true
	case *ssa.MakeSlice:
		return m.MakeSlice(in.Type(), x.get(in.Len), x.get(in.Cap)), true
	case *ssa.MakeInterface:
		return heap.Iface{Type: in.X.Type(), Val: heap.Copy(x.get(in.X))}, true
	case *ssa.MakeClosure:
		c := &heap.Closure{Fn: in.Fn.(*ssa.Function)}
		for _, b := range in.Bindings {
			c.Env = append(c.Env, x.get(b))
		}
		return c, true
	}
	return nil, false
}

// part computes an instruction that takes a part of a value; false if the model does not know the part.
func (x frame) part(in ssa.Value) (Value, bool) {
	m := x.m
	switch in := in.(type) {
	case *ssa.FieldAddr:
		return m.FieldAddr(x.get(in.X), in.Field, in.Type()), true
	case *ssa.Field:
		switch s := x.get(in.X).(type) {
		case heap.Struct:
			return s[in.Field], true
		case *facts.Term:
			return m.Field(s, in.Field, in.Type()), true
		}
	case *ssa.IndexAddr:
		return m.IndexAddr(x.get(in.X), in.X.Type(), x.get(in.Index), in.Type()), true
	case *ssa.Index:
		if a, ok := x.get(in.X).(heap.Array); ok {
			if i, ok := x.get(in.Index).(int64); ok && i >= 0 && int(i) < len(a) {
				return a[i], true
			}
		}
	case *ssa.Lookup:
		return x.lookup(in), true
	case *ssa.Extract:
		if t, ok := x.get(in.Tuple).(heap.Tuple); ok && in.Index < len(t) {
			return t[in.Index], true
		}
	}
	return nil, false
}

func (x frame) lookup(in *ssa.Lookup) Value {
	elem := in.Type()
	if t, ok := elem.(*types.Tuple); ok {
		elem = t.At(0).Type()
	}
	v, ok := x.m.Lookup(x.get(in.X), x.get(in.Index), elem, in.CommaOk)
	if in.CommaOk {
		return heap.Tuple{v, ok}
	}
	return v
}

func (x frame) unary(in *ssa.UnOp, v Value) Value {
	m := x.m
	switch in.Op {
	case token.MUL:
		c := m.Deref(v)
		if c == nil {
			m.Impossible()
			return nil
		}
		return heap.Copy(*c)
	case token.NOT:
		return m.Not(v)
	case token.SUB:
		switch v := v.(type) {
		case int64:
			return facts.Wrap(-v, in.Type())
		case float64:
			return -v
		}
	case token.XOR:
		if v, ok := v.(int64); ok {
			return facts.Wrap(^v, in.Type())
		}
	}
	return m.Fresh(in.Type())
}

func convert(m *machine.Machine, v Value, from, to types.Type) Value {
	tb, ok := to.Underlying().(*types.Basic)
	if !ok {
		if _, isPointer := to.Underlying().(*types.Pointer); isPointer {
			return v
		}
		return m.Fresh(to)
	}
	switch v := v.(type) {
	case int64:
		switch {
		case tb.Info()&types.IsInteger != 0:
			return facts.Wrap(v, to)
		case tb.Info()&types.IsFloat != 0:
			return float64(v)
		}
	case float64:
		switch {
		case tb.Info()&types.IsInteger != 0:
			return facts.Wrap(int64(v), to)
		case tb.Info()&types.IsFloat != 0:
			return v
		}
	case string:
		if tb.Info()&types.IsString != 0 {
			return v
		}
	case *facts.Term:
		if facts.IsInteger(to) && facts.IsInteger(from) {
			return v
		}
	case *Value, nil:
		if tb.Kind() == types.UnsafePointer {
			return v
		}
	}
	return m.Fresh(to)
}

func (x frame) typeAssert(v Value, in *ssa.TypeAssert) Value {
	m, to := x.m, in.AssertedType
	result := func(v Value, ok bool) Value {
		if in.CommaOk {
			return heap.Tuple{v, ok}
		}
		if !ok {
			m.Impossible()
		}
		return v
	}
	switch v := v.(type) {
	case nil:
		return result(m.Zero(to), false)
	case heap.Iface:
		if iface, ok := to.Underlying().(*types.Interface); ok {
			if !types.Implements(v.Type, iface) {
				return result(nil, false)
			}
			return result(v, true)
		}
		if types.Identical(v.Type, to) {
			return result(heap.Copy(v.Val), true)
		}
		return result(m.Zero(to), false)
	case *facts.Term:
		if u := m.Assert(v, to, !in.CommaOk); u != nil {
			return result(u, true)
		}
		return result(m.Zero(to), false)
	}
	return m.Fresh(in.Type())
}

// constant returns the value of a constant.
func constant(m *machine.Machine, c *ssa.Const) Value {
	if c.Value == nil {
		return m.Zero(c.Type())
	}
	b, ok := c.Type().Underlying().(*types.Basic)
	if !ok {
		return m.Fresh(c.Type())
	}
	switch {
	case b.Info()&types.IsBoolean != 0:
		return constants.BoolVal(c.Value)
	case b.Info()&types.IsInteger != 0:
		if i, ok := constants.Int64Val(constants.ToInt(c.Value)); ok {
			return i
		}
		u, _ := constants.Uint64Val(constants.ToInt(c.Value))
		return int64(u)
	case b.Info()&types.IsFloat != 0:
		f, _ := constants.Float64Val(c.Value)
		return f
	case b.Info()&types.IsString != 0:
		return constants.StringVal(c.Value)
	}
	return m.Fresh(c.Type())
}
