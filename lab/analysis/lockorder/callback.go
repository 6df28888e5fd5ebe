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

// callbacks reports a call of a function that others have registered with a value, here or in a callee, while a lock of that
// value is held which an exported method takes too: the function may call that method, and wait for its own caller. If a
// method of the value was put there which takes the lock, it does wait.
func (h *holder) callbacks(c *ssa.Call, held []locks.Held) {
	for _, d := range h.at(c) {
		if d.calls == nil || h.told[d.pos] {
			continue
		}
		for _, l := range held {
			class := l.Lock.Class()
			if _, ok := l.Lock.Within(d.owner); !ok || class == (locks.Class{}) || slices.Contains(d.freed, l.Lock) {
				continue
			}
			if h.callback(d, l, class) {
				h.told[d.pos] = true
				break
			}
		}
	}
}

func (h *holder) callback(d deed, l locks.Held, class locks.Class) bool {
	report := func(message string, takes *ssa.Function) bool {
		if len(d.via) > 0 {
			message += "; the lock is held by " + l.Taken.Parent().Name() + ", which calls this" + d.through()
		}
		h.pass.Report(analysis.Diagnostic{Pos: d.pos, Message: message,
			Related: append(takenAt(l), analysis.RelatedInformation{Pos: takes.Pos(), Message: takes.Name() + " takes the same lock"})})
		return true
	}
	if len(d.via) > 0 && l.Taken == nil {
		return false // it is seen where the lock is taken
	}
	if own := h.ownMethod(d.calls, class); own != nil {
		return report("this calls "+own.Name()+" with "+l.Lock.String()+" held, and "+own.Name()+" takes the same lock: it waits for its own caller", own)
	}
	if !notifies(locks.FieldOf(d.calls).Type()) || logs(d.calls) || !h.fromOutside(d.calls) {
		return false
	}
	again := h.exportedTaker(d, l, class)
	if again == nil {
		return false
	}
	return report("a registered function is called with "+l.Lock.String()+" held: if it calls "+again.Name()+
		", it waits for the lock of its own caller; copy what is to be called, unlock, then call", again)
}

// logs tells by its name, or because it takes anything, that a function writes a log or counts: such a one does not come back.
func logs(field *ssa.FieldAddr) bool {
	v := locks.FieldOf(field)
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
func (h *holder) ownMethod(field *ssa.FieldAddr, class locks.Class) *ssa.Function {
	v := locks.FieldOf(field)
	for _, f := range h.fns {
		for _, b := range f.Blocks {
			for _, in := range b.Instrs {
				to, val := stored(in)
				if to == nil || locks.FieldOf(to) != v {
					continue
				}
				if m := boundTo(val, locks.PlaceOf(to.X)); m != nil && m.Pkg == f.Pkg && takes(m, class) {
					return m
				}
			}
		}
	}
	return nil
}

// boundTo returns the method of which v is the value for that receiver, or nil.
func boundTo(v ssa.Value, owner locks.Place) *ssa.Function {
	if c, ok := v.(*ssa.ChangeType); ok {
		v = c.X
	}
	c, ok := v.(*ssa.MakeClosure)
	if !ok || len(c.Bindings) != 1 || locks.PlaceOf(c.Bindings[0]) != owner {
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
func notifies(t types.Type) bool {
	s := signatureIn(t, 3)
	if s == nil {
		return false
	}
	switch s.Results().Len() {
	case 0:
		return true
	case 1:
		return types.Identical(s.Results().At(0).Type(), types.Universe.Lookup("error").Type())
	}
	return false
}

// signatureIn returns the type of the function in a field, or in the slice or map that the field holds.
func signatureIn(t types.Type, depth int) *types.Signature {
	if depth == 0 {
		return nil
	}
	switch t := t.Underlying().(type) {
	case *types.Signature:
		return t
	case *types.Slice:
		return signatureIn(t.Elem(), depth-1)
	case *types.Array:
		return signatureIn(t.Elem(), depth-1)
	case *types.Map:
		if s := signatureIn(t.Elem(), depth-1); s != nil {
			return s
		}
		return signatureIn(t.Key(), depth-1)
	}
	return nil
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

// fromOutside tells whether others can set the field: it is exported, or an exported function stores a parameter there, or
// returns a literal that does, as an option.
func (h *holder) fromOutside(field *ssa.FieldAddr) bool {
	v := locks.FieldOf(field)
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
				if to, val := stored(in); to != nil && locks.FieldOf(to) == v && comesFromParam(val, 8) {
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
		captured := locks.Captured(x)
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

// exportedTaker returns an exported function that takes the lock itself, other than the one that calls back with it held.
func (h *holder) exportedTaker(d deed, l locks.Held, class locks.Class) *ssa.Function {
	for _, g := range h.fns {
		if l.Taken != nil && g == l.Taken.Parent() || slices.Contains(d.via, g) {
			continue
		}
		if g.Object() != nil && g.Object().Exported() && !strings.HasPrefix(g.Name(), "New") && takes(g, class) {
			return g
		}
	}
	return nil
}

// takes tells whether f takes a lock of the class itself.
func takes(f *ssa.Function, class locks.Class) bool {
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			if c, ok := in.(*ssa.Call); ok {
				if op := locks.OpOf(c); op.Action == locks.Take && op.Lock.Class() == class {
					return true
				}
			}
		}
	}
	return false
}
