package lockorder

import (
	"go/constant"
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// outcome is what a return tells the caller by its last result.
type outcome int

const (
	none    outcome = iota // nothing: there is no result that says how it went
	unclear                // something that is not known here
	success                // true, no error, or a value that is there
	failure                // false, an error, or nil
)

func outcomes(returns []*ssa.Return) []outcome {
	var out []outcome
	for _, r := range returns {
		out = append(out, outcomeOf(r))
	}
	return out
}

func outcomeOf(r *ssa.Return) outcome {
	if len(r.Results) == 0 {
		return none
	}
	v := resultIn(r.Results[len(r.Results)-1], r.Block())
	switch t := v.Type().Underlying().(type) {
	case *types.Basic:
		if t.Info()&types.IsBoolean == 0 {
			return none
		}
		if c, ok := v.(*ssa.Const); ok {
			return either(constant.BoolVal(c.Value))
		}
		return unclear
	case *types.Interface:
		if isError(v.Type()) {
			return errorOutcome(v, r.Block())
		}
		return valueOutcome(v)
	case *types.Pointer, *types.Map, *types.Slice, *types.Chan, *types.Signature:
		return valueOutcome(v)
	}
	return none
}

// resultIn returns the value that b stores in the named result which v loads, or v.
func resultIn(v ssa.Value, b *ssa.BasicBlock) ssa.Value {
	if load, ok := v.(*ssa.UnOp); ok && load.Op == token.MUL {
		for _, in := range slices.Backward(b.Instrs) {
			if s, ok := in.(*ssa.Store); ok && s.Addr == load.X {
				return s.Val
			}
		}
	}
	return v
}

func either(ok bool) outcome {
	if ok {
		return success
	}
	return failure
}

func valueOutcome(v ssa.Value) outcome {
	switch v := v.(type) {
	case *ssa.Const:
		return either(!v.IsNil())
	case *ssa.Phi:
		return unclear
	case *ssa.UnOp:
		if _, ok := v.X.(*ssa.Alloc); ok {
			return unclear
		}
	}
	return success
}

func isError(t types.Type) bool { return types.Identical(t, types.Universe.Lookup("error").Type()) }

func returnsError(f *ssa.Function) bool {
	n := f.Signature.Results().Len()
	return n > 0 && isError(f.Signature.Results().At(n-1).Type())
}

// errorOutcome tells whether the error v is nil in b, as far as that is certain.
func errorOutcome(v ssa.Value, b *ssa.BasicBlock) outcome {
	switch v := v.(type) {
	case *ssa.Const:
		return success
	case *ssa.MakeInterface:
		return failure
	case *ssa.UnOp:
		if _, ok := v.X.(*ssa.Global); ok {
			return failure
		}
	case *ssa.Call:
		if f := v.Call.StaticCallee(); f != nil && slices.Contains([]string{"errors.New", "fmt.Errorf"}, f.RelString(nil)) {
			return failure
		}
	}
	if len(b.Preds) == 1 {
		if cond, ok := b.Preds[0].Instrs[len(b.Preds[0].Instrs)-1].(*ssa.If); ok {
			if op, ok := cond.Cond.(*ssa.BinOp); ok && op.X == v && isNil(op.Y) {
				return either((op.Op == token.EQL) == (b.Preds[0].Succs[0] == b))
			}
		}
	}
	return unclear
}

func isNil(v ssa.Value) bool {
	c, ok := v.(*ssa.Const)
	return ok && c.IsNil()
}
