package lockorder

import (
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/locks"
)

// callback reports a call of a function that others have registered with a value, while a lock of that value is held
// which an exported method takes too: the function may call that method, and wait for its own caller.
func (h *holder) callback(f *ssa.Function, c *ssa.Call, held []string) {
	field := registeredField(c.Call.Value, 6)
	if field == nil || !notifies(c.Call.Signature()) {
		return
	}
	base := locks.Path(field.X)
	for _, path := range held {
		class, owner := locks.Class(f, path)
		if class == "" || owner != base || !h.fromOutside(field) {
			continue
		}
		again := h.exportedTaker(f, class)
		if again == nil {
			continue
		}
		h.pass.Report(analysis.Diagnostic{Pos: c.Pos(), Message: "a registered function is called with " + path + " held: if it calls " +
			again.Name() + ", it waits for the lock of its own caller; copy what is to be called, unlock, then call",
			Related: []analysis.RelatedInformation{{Pos: again.Pos(), Message: again.Name() + " takes the same lock"}}})
		return
	}
}

// notifies tells whether a function of this type only tells somebody something: one with a result, such as a clock or a
// comparison, is a part of the caller's own work.
func notifies(s *types.Signature) bool {
	switch s.Results().Len() {
	case 0:
		return true
	case 1:
		return types.Identical(s.Results().At(0).Type(), types.Universe.Lookup("error").Type())
	}
	return false
}

// registeredField returns the field that the function value v, or the slice or map that it is in, was loaded from.
func registeredField(v ssa.Value, depth int) *ssa.FieldAddr {
	if depth == 0 {
		return nil
	}
	switch x := v.(type) {
	case *ssa.FieldAddr:
		return x
	case *ssa.UnOp:
		if x.Op == token.MUL {
			return registeredField(x.X, depth-1)
		}
	case *ssa.IndexAddr:
		return registeredField(x.X, depth-1)
	case *ssa.Lookup:
		return registeredField(x.X, depth-1)
	case *ssa.Extract:
		return registeredField(x.Tuple, depth-1)
	case *ssa.Next:
		return registeredField(x.Iter, depth-1)
	case *ssa.Range:
		return registeredField(x.X, depth-1)
	}
	return nil
}

func fieldOf(x *ssa.FieldAddr) *types.Var {
	return x.X.Type().Underlying().(*types.Pointer).Elem().Underlying().(*types.Struct).Field(x.Field)
}

// fromOutside tells whether others can set the field: it is exported, or an exported function stores a parameter there.
func (h *holder) fromOutside(field *ssa.FieldAddr) bool {
	v := fieldOf(field)
	if v.Exported() {
		return true
	}
	for _, f := range h.fns {
		if f.Object() == nil || !f.Object().Exported() {
			continue
		}
		for _, b := range f.Blocks {
			for _, in := range b.Instrs {
				if to, val := stored(in); to != nil && fieldOf(to) == v && comesFromParam(val, 8) {
					return true
				}
			}
		}
	}
	return false
}

// stored returns the field that in stores to, or to an entry of, and what it stores.
func stored(in ssa.Instruction) (*ssa.FieldAddr, ssa.Value) {
	switch in := in.(type) {
	case *ssa.Store:
		to, _ := in.Addr.(*ssa.FieldAddr)
		return to, in.Val
	case *ssa.MapUpdate:
		return registeredField(in.Map, 3), in.Value
	}
	return nil, nil
}

// comesFromParam tells whether v is a function parameter, or a slice to which one was appended.
func comesFromParam(v ssa.Value, depth int) bool {
	if depth == 0 {
		return false
	}
	switch x := v.(type) {
	case *ssa.Parameter:
		_, ok := x.Type().Underlying().(*types.Signature)
		return ok
	case *ssa.ChangeType:
		return comesFromParam(x.X, depth-1)
	case *ssa.UnOp:
		return comesFromParam(x.X, depth-1)
	case *ssa.Alloc: // a captured parameter, or the array behind append's arguments
		for _, r := range *x.Referrers() {
			if s, ok := r.(*ssa.Store); ok && s.Addr == x && comesFromParam(s.Val, depth-1) {
				return true
			}
			if i, ok := r.(*ssa.IndexAddr); ok && slices.ContainsFunc(*i.Referrers(), func(in ssa.Instruction) bool {
				s, ok := in.(*ssa.Store)
				return ok && comesFromParam(s.Val, depth-1)
			}) {
				return true
			}
		}
	case *ssa.Slice:
		return comesFromParam(x.X, depth-1)
	case *ssa.Call:
		if b, ok := x.Call.Value.(*ssa.Builtin); ok && b.Name() == "append" {
			return slices.ContainsFunc(x.Call.Args, func(a ssa.Value) bool { return comesFromParam(a, depth-1) })
		}
	}
	return false
}

// exportedTaker returns an exported function other than f that takes the lock itself.
func (h *holder) exportedTaker(f *ssa.Function, class string) *ssa.Function {
	for _, g := range h.fns {
		if g == f || g.Object() == nil || !g.Object().Exported() || strings.HasPrefix(g.Name(), "New") {
			continue
		}
		for _, b := range g.Blocks {
			for _, in := range b.Instrs {
				c, ok := in.(*ssa.Call)
				if !ok {
					continue
				}
				if path, _, _ := locks.Call(c); path != "" {
					if name, _ := locks.Class(g, path); name == class {
						return g
					}
				}
			}
		}
	}
	return nil
}
