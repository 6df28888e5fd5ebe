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
// which an exported method takes too: the function may call that method, and wait for its own caller. If a method of the
// value was put there which takes the lock, it does wait.
func (h *holder) callback(f *ssa.Function, c *ssa.Call, held []string) {
	field := registeredField(c.Call.Value, 6)
	if field == nil {
		return
	}
	base := locks.Path(field.X)
	for _, path := range held {
		class, owner := locks.Class(f, path)
		if class == "" || owner != base {
			continue
		}
		if own := h.ownMethod(field, class); own != nil {
			h.pass.Report(analysis.Diagnostic{Pos: c.Pos(), Message: "this calls " + own.Name() + " with " + path +
				" held, and " + own.Name() + " takes the same lock: it waits for its own caller",
				Related: []analysis.RelatedInformation{{Pos: own.Pos(), Message: own.Name() + " takes the same lock"}}})
			return
		}
		if !notifies(c.Call.Signature()) || logs(field) || !h.fromOutside(field) {
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

// logs tells by its name, or because it takes anything, that a function writes a log or counts: such a one does not come back.
func logs(field *ssa.FieldAddr) bool {
	v := fieldOf(field)
	if s, ok := v.Type().Underlying().(*types.Signature); ok && s.Variadic() {
		return true
	}
	name := strings.ToLower(v.Name())
	return slices.ContainsFunc([]string{"log", "print", "debug", "trace", "warn", "info", "metric", "count", "observe", "stats"}, func(word string) bool {
		return strings.Contains(name, word)
	})
}

// ownMethod returns a method of the value that the field belongs to, which the package stores in the field, and which takes
// the lock of the class itself.
func (h *holder) ownMethod(field *ssa.FieldAddr, class string) *ssa.Function {
	v := fieldOf(field)
	for _, f := range h.fns {
		for _, b := range f.Blocks {
			for _, in := range b.Instrs {
				to, val := stored(in)
				if to == nil || fieldOf(to) != v {
					continue
				}
				if m := boundTo(val, locks.Path(to.X)); m != nil && m.Pkg == f.Pkg && takes(m, class) {
					return m
				}
			}
		}
	}
	return nil
}

// boundTo returns the method of which v is the value for the receiver at the path, or nil.
func boundTo(v ssa.Value, path string) *ssa.Function {
	if c, ok := v.(*ssa.ChangeType); ok {
		v = c.X
	}
	c, ok := v.(*ssa.MakeClosure)
	if !ok || len(c.Bindings) != 1 || locks.Path(c.Bindings[0]) != path {
		return nil
	}
	bound := c.Fn.(*ssa.Function)
	if method, ok := bound.Object().(*types.Func); ok && bound.Synthetic != "" {
		return bound.Prog.FuncValue(method.Origin())
	}
	return nil
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

// fromOutside tells whether others can set the field: it is exported, or an exported function stores a parameter there, or
// returns a literal that does, as an option.
func (h *holder) fromOutside(field *ssa.FieldAddr) bool {
	v := fieldOf(field)
	if v.Exported() {
		return true
	}
	for _, f := range h.fns {
		outer := f
		for outer.Parent() != nil {
			outer = outer.Parent()
		}
		if outer.Object() == nil || !outer.Object().Exported() {
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
	case *ssa.FreeVar:
		captured := binding(x)
		return captured != nil && comesFromParam(captured, depth-1)
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

// binding returns the variable of the enclosing function that v stands for.
func binding(v *ssa.FreeVar) ssa.Value {
	i := slices.Index(v.Parent().FreeVars, v)
	for _, r := range *v.Parent().Referrers() {
		if c, ok := r.(*ssa.MakeClosure); ok {
			return c.Bindings[i]
		}
	}
	return nil
}

// exportedTaker returns an exported function other than f that takes the lock itself.
func (h *holder) exportedTaker(f *ssa.Function, class string) *ssa.Function {
	for _, g := range h.fns {
		if g != f && g.Object() != nil && g.Object().Exported() && !strings.HasPrefix(g.Name(), "New") && takes(g, class) {
			return g
		}
	}
	return nil
}

// takes tells whether f takes a lock of the class itself.
func takes(f *ssa.Function, class string) bool {
	for c := range calls(f) {
		if path, _, _ := locks.Call(c); path != "" {
			if name, _ := locks.Class(f, path); name == class {
				return true
			}
		}
	}
	return false
}
