package ir

import (
	"go/token"
	"go/types"

	"golang.org/x/tools/go/ssa"
)

// Counted tells whether fn, or a function literal beside it, does more with the number n than to hand it to one call and to make
// slices and channels of that size: compares it, calculates with it, hands it on. Where it does not, and n is a variable of
// the package, a field or a parameter, then what is done so many times is counted by something else, such as the slice that a
// constructor has made with n elements, and the two agree by a rule that fn does not show.
func Counted(fn *ssa.Function, n ssa.Value) bool {
	of := variable(n)
	if of == nil {
		return true
	}
	for fn.Parent() != nil {
		fn = fn.Parent()
	}
	uses := 0
	for _, f := range Functions([]*ssa.Function{fn}) {
		if p, ok := of.(*ssa.Parameter); ok && p.Parent() == f {
			uses += usesOf(p)
		}
		for _, b := range f.Blocks {
			for _, in := range b.Instrs {
				if v, ok := in.(ssa.Value); ok && variable(v) == of {
					uses += usesOf(v)
				}
			}
		}
	}
	return uses > 1
}

// variable returns what n was read from: a global variable, a field (both as [types.Object]) or a parameter; nil for anything else.
func variable(n ssa.Value) any {
	switch n := n.(type) {
	case *ssa.Convert:
		return variable(n.X)
	case *ssa.UnOp:
		if v := Variable(n.X); n.Op == token.MUL && v != nil {
			return v
		}
	case *ssa.Field:
		if st, ok := n.X.Type().Underlying().(*types.Struct); ok {
			return types.Object(st.Field(n.Field).Origin())
		}
	case *ssa.Parameter:
		return n
	}
	return nil
}

// usesOf counts the instructions that use v, but for those that make something of that size.
func usesOf(v ssa.Value) (n int) {
	for _, r := range *v.Referrers() {
		switch r.(type) {
		case *ssa.MakeSlice, *ssa.MakeChan, *ssa.MakeMap, *ssa.DebugRef, *ssa.Convert:
		default:
			n++
		}
	}
	return n
}
