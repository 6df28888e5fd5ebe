package heap

import (
	"go/token"
	"go/types"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/facts"
)

// Binary returns x op y, whose operands are of type operands and whose result is of type t.
func (s *Space) Binary(op token.Token, operands types.Type, x, y Value, t types.Type) Value {
	x, y = facts.Plain(x), facts.Plain(y)
	switch op {
	case token.EQL:
		return s.equal(x, y, t)
	case token.NEQ:
		return s.Not(s.equal(x, y, t))
	case token.LSS:
		return s.compute(facts.Less, operands, x, y, t)
	case token.GTR:
		return s.compute(facts.Less, operands, y, x, t)
	case token.GEQ:
		return s.Not(s.compute(facts.Less, operands, x, y, t))
	case token.LEQ:
		return s.Not(s.compute(facts.Less, operands, y, x, t))
	}
	return s.compute(facts.OpOf(op), operands, x, y, t)
}

func (s *Space) compute(op facts.Op, operands types.Type, x, y Value, t types.Type) Value {
	if v := s.Compute(op, operands, x, y, t); v != nil {
		return v
	}
	return s.Fresh(t)
}

func (s *Space) equal(x, y Value, t types.Type) Value {
	if equal, known := s.Identical(x, y); known {
		return equal
	}
	if !facts.Operand(x) || !facts.Operand(y) {
		return s.Fresh(t)
	}
	return s.Equal(x, y, t)
}

// Identical reports whether x and y are equal; known is false when the model cannot tell.
func (s *Space) Identical(x, y Value) (equal, known bool) {
	if u, ok := x.(*facts.Term); ok {
		return s.termIs(u, y)
	}
	if u, ok := y.(*facts.Term); ok {
		return s.termIs(u, x)
	}
	switch x := x.(type) {
	case Struct:
		y, ok := y.(Struct)
		return s.eachIdentical(x, y, ok)
	case Array:
		y, ok := y.(Array)
		return s.eachIdentical(x, y, ok)
	case Iface:
		y, ok := y.(Iface)
		if !ok {
			return false, y.Type == nil
		}
		if !types.Identical(x.Type, y.Type) {
			return false, true
		}
		return s.Identical(x.Val, y.Val)
	case Slice, Tuple:
		return false, y == nil
	case Content:
		return false, false
	}
	switch y.(type) {
	case Struct, Array, Slice, Tuple, Iface, Content:
		return false, x == nil
	}
	return x == y, true
}

func (s *Space) eachIdentical(xs, ys []Value, comparable bool) (equal, known bool) {
	if !comparable || len(xs) != len(ys) {
		return false, false
	}
	for i := range xs {
		if equal, known := s.Identical(xs[i], ys[i]); !known || !equal {
			return equal, known
		}
	}
	return true, true
}

// termIs tells whether the unknown u equals v.
func (s *Space) termIs(u *facts.Term, v Value) (equal, known bool) {
	switch v := v.(type) {
	case *Value:
		return false, true // an object of ours has not come from outside
	case Iface:
		if n, ok := types.Unalias(v.Type).(*types.Named); ok && n.Obj().Pkg() == s.Pkg && !n.Obj().Exported() {
			return false, true // nobody outside makes values of this type
		}
		return false, v.Type == ErrorType
	case Content:
		return false, false
	case Object:
		return false, true
	}
	if !facts.Operand(v) {
		return false, false
	}
	return s.Solver.Identical(u, v)
}

// differ tells whether it follows that x and y are not equal.
func (s *Space) differ(x, y Value) bool {
	if equal, known := s.Identical(x, y); known {
		return !equal
	}
	return facts.Operand(x) && facts.Operand(y) && s.Differ(x, y)
}
