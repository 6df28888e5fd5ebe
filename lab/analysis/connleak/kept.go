package connleak

import (
	"go/token"
	"go/types"

	"golang.org/x/tools/go/ssa"
)

// kept tells whether somebody other than the one to whom ret returns v has it too: it is stored, sent, bound to a method
// value or captured, or closed by the time of the return. A deferred function literal that captures it counts as part of
// the function itself.
func kept(v ssa.Value, ret *ssa.Return) bool {
	k := &keeping{ret: ret, seen: make(map[ssa.Value]bool)}
	return k.follow(v, 0)
}

// keeping is a search for who keeps a value.
type keeping struct {
	ret        *ssa.Return // nil: none
	storesOnly bool        // only what outlives the function counts
	seen       map[ssa.Value]bool
}

func (k *keeping) follow(v ssa.Value, depth int) bool {
	if k.seen[v] || v.Referrers() == nil {
		return false
	}
	k.seen[v] = true
	for _, r := range *v.Referrers() {
		if k.by(r, v, depth) {
			return true
		}
	}
	return false
}

// by tells whether instruction in keeps v.
func (k *keeping) by(in ssa.Instruction, v ssa.Value, depth int) bool {
	switch in := in.(type) {
	case *ssa.Send, *ssa.MapUpdate, *ssa.Select:
		return true
	case *ssa.MakeClosure:
		return !k.storesOnly && (!runsHere(in) || closes(in, v))
	case *ssa.Store:
		return in.Val == v && k.stored(in, depth)
	case *ssa.Phi, *ssa.MakeInterface, *ssa.ChangeInterface, *ssa.ChangeType, *ssa.Slice:
		return k.follow(in.(ssa.Value), depth)
	case *ssa.FieldAddr:
		return (isBody(in) || isInner(in)) && k.follow(in, depth)
	case *ssa.UnOp:
		return in.Op == token.MUL && k.follow(in, depth)
	case ssa.CallInstruction:
		return k.passed(in, v, depth)
	}
	return false
}

// stored tells whether a store keeps its value: not in a local variable, nor in the array of a variadic call.
func (k *keeping) stored(s *ssa.Store, depth int) bool {
	switch a := s.Addr.(type) {
	case *ssa.Alloc:
		return k.follow(a, depth)
	case *ssa.IndexAddr:
		if array, ok := a.X.(*ssa.Alloc); ok {
			return k.follow(array, depth)
		}
	case *ssa.FieldAddr:
		if holder, ok := a.X.(*ssa.Alloc); ok && isInner(a) {
			return k.follow(holder, depth)
		} else if ok && k.storesOnly {
			return false
		}
	}
	return true
}

// runsHere tells whether a function literal is called or deferred where it is made, and does nothing else.
func runsHere(c *ssa.MakeClosure) bool {
	for _, r := range *c.Referrers() {
		switch r := r.(type) {
		case *ssa.Call:
			if r.Call.Value != c {
				return false
			}
		case *ssa.Defer:
			if r.Call.Value != c {
				return false
			}
		case *ssa.DebugRef:
		default:
			return false
		}
	}
	return true
}

// closes tells whether a function literal gives back the connection in the variable v whatever happens.
func closes(c *ssa.MakeClosure, v ssa.Value) bool {
	f, ok := c.Fn.(*ssa.Function)
	p, isVar := v.Type().Underlying().(*types.Pointer)
	if !ok || !isVar {
		return false
	}
	for i, b := range c.Bindings {
		if b != v {
			continue
		}
		o := &owner{kind: kind(p.Elem()), closed: make(map[ssa.Instruction]bool), seen: make(map[ssa.Value]bool)}
		o.follow(f.FreeVars[i], 0)
		for in := range o.closed {
			if in.Block() == f.Blocks[0] {
				return true
			}
		}
	}
	return false
}

// passed tells whether a call keeps v. The method that gives it back counts when it is deferred or comes before the return in
// any case.
func (k *keeping) passed(in ssa.CallInstruction, v ssa.Value, depth int) bool {
	if _, ok := in.(*ssa.Go); ok {
		return !k.storesOnly
	}
	c := in.Common()
	f := c.StaticCallee()
	if m := method(c, v); m != "" && (f == nil || len(f.Blocks) == 0) {
		return depth == 0 && givesBack(m) && k.before(in)
	}
	if f != nil && len(f.Blocks) > 0 && depth < 3 {
		for i, a := range c.Args {
			if a == v && k.follow(f.Params[i], depth+1) {
				return true
			}
		}
		return false
	}
	if k.storesOnly {
		return f != nil && f.Pkg != nil && (f.Pkg.Pkg.Path() == "sync" || f.Pkg.Pkg.Path() == "sync/atomic")
	}
	return mayClose(parameter(c, v)) && (f == nil || f.Pkg == nil || !reads(f.Pkg.Pkg.Path()))
}

// method returns the name of the method that is called on v; "" if v is an argument only.
func method(c *ssa.CallCommon, v ssa.Value) string {
	if c.IsInvoke() && c.Value == v {
		return c.Method.Name()
	}
	if f := c.StaticCallee(); f != nil && f.Signature.Recv() != nil && len(c.Args) > 0 && c.Args[0] == v {
		return f.Name()
	}
	return ""
}

// parameter returns the type of the parameter that v is passed for.
func parameter(c *ssa.CallCommon, v ssa.Value) types.Type {
	at := 0
	if !c.IsInvoke() && c.Signature().Recv() != nil {
		at = 1
	}
	for i := range min(c.Signature().Params().Len(), len(c.Args)-at) {
		if c.Args[at+i] == v {
			return c.Signature().Params().At(i).Type()
		}
	}
	return v.Type()
}

func givesBack(method string) bool {
	return method == "Close" || method == "Commit" || method == "Rollback"
}

func (k *keeping) before(in ssa.CallInstruction) bool {
	_, deferred := in.(*ssa.Defer)
	return !k.storesOnly && (deferred || in.Block().Dominates(k.ret.Block()))
}

// reads tells whether the functions of a package only look at what they are given.
func reads(path string) bool {
	switch path {
	case "bufio", "database/sql", "encoding/json", "encoding/xml", "errors", "fmt", "io", "log", "log/slog", "net/http/httputil":
		return true
	}
	return false
}
