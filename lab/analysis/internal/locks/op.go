package locks

import (
	"go/types"

	"golang.org/x/tools/go/ssa"
)

// Mode is how a lock is held.
type Mode int

const (
	Shared    Mode = iota // for reading: others may hold it so, too
	Exclusive             // by nobody else
)

// Action is what a call does with a lock.
type Action int

const (
	None Action = iota
	Take
	Try // takes it if it is free, and says so
	Release
)

// Op is what a call does with which lock.
type Op struct {
	Action Action
	Lock   Place
	Mode   Mode
}

// OpOf returns what c does with a lock of package sync, or with a sync.Locker; its Action is None if it is no such call. A
// call that is deferred, or made by a go statement, counts as if it were made.
func OpOf(c ssa.CallInstruction) Op {
	common := c.Common()
	if common.IsInvoke() {
		if m := common.Method; m.Pkg() != nil && m.Pkg().Path() == "sync" {
			return op(m.Name(), common.Value)
		}
		return Op{}
	}
	f := common.StaticCallee()
	if f == nil {
		return Op{}
	}
	if m, lock := boundMethod(common.Value); m != nil && onLock(m) { // unlock := x.mu.Unlock; unlock()
		return op(m.Name(), lock)
	}
	if m, ok := f.Object().(*types.Func); ok && len(common.Args) > 0 && onLock(m) {
		return op(m.Name(), common.Args[0])
	}
	return Op{}
}

func op(name string, lock ssa.Value) Op {
	switch name {
	case "Lock":
		return Op{Take, PlaceOf(lock), Exclusive}
	case "RLock":
		return Op{Take, PlaceOf(lock), Shared}
	case "TryLock":
		return Op{Try, PlaceOf(lock), Exclusive}
	case "TryRLock":
		return Op{Try, PlaceOf(lock), Shared}
	case "Unlock":
		return Op{Release, PlaceOf(lock), Exclusive}
	case "RUnlock":
		return Op{Release, PlaceOf(lock), Shared}
	}
	return Op{}
}

// onLock tells whether m is a method of sync.Mutex or sync.RWMutex.
func onLock(m *types.Func) bool {
	recv := m.Signature().Recv()
	if recv == nil || m.Pkg() == nil || m.Pkg().Path() != "sync" {
		return false
	}
	n, ok := types.Unalias(elem(recv.Type())).(*types.Named)
	return ok && (n.Obj().Name() == "Mutex" || n.Obj().Name() == "RWMutex")
}

// releaser tells which lock a call of the function v releases, if it is held: v was returned by a function that was given the
// lock, as unlock is by unlockOnce(&x.mu).
func releaser(v ssa.Value) (Place, bool) {
	c, ok := v.(*ssa.Call)
	if !ok {
		return Place{}, false
	}
	if sig, ok := c.Type().Underlying().(*types.Signature); !ok || sig.Params().Len() > 0 {
		return Place{}, false
	}
	for _, a := range c.Call.Args {
		if m, ok := a.(*ssa.MakeInterface); ok {
			a = m.X
		}
		if isLock(a.Type()) {
			return PlaceOf(a), true
		}
	}
	return Place{}, false
}

// isLock tells whether t is a pointer to a sync.Mutex or a sync.RWMutex.
func isLock(t types.Type) bool {
	p, ok := types.Unalias(t).(*types.Pointer)
	if !ok {
		return false
	}
	n, ok := types.Unalias(p.Elem()).(*types.Named)
	return ok && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == "sync" && (n.Obj().Name() == "Mutex" || n.Obj().Name() == "RWMutex")
}

// boundMethod returns the method and the receiver of the method value v, nil if it is none.
func boundMethod(v ssa.Value) (*types.Func, ssa.Value) {
	c, ok := v.(*ssa.MakeClosure)
	if !ok || len(c.Bindings) != 1 {
		return nil, nil
	}
	f := c.Fn.(*ssa.Function)
	m, ok := f.Object().(*types.Func)
	if !ok || f.Synthetic == "" {
		return nil, nil
	}
	return m, c.Bindings[0]
}

// Callee returns the function with a body, of the same package, that c calls: for an instance of a generic function that is
// the generic function, whose parameters are the same. It is nil if there is none.
func Callee(c ssa.CallInstruction) *ssa.Function {
	f := c.Common().StaticCallee()
	if f == nil {
		return nil
	}
	return Source(f, c.Parent())
}

// Source returns the function with a body that f is an instance of, or stands for as a method value, if it belongs to the
// package of user.
func Source(f, user *ssa.Function) *ssa.Function {
	if f.Origin() != nil {
		f = f.Origin()
	}
	if m, ok := f.Object().(*types.Func); ok && f.Synthetic != "" && len(f.Blocks) == 0 || ok && f.Pkg == nil {
		if f = f.Prog.FuncValue(m.Origin()); f == nil {
			return nil
		}
	}
	if f.Pkg == nil || f.Pkg != pkgOf(user) || len(f.Blocks) == 0 {
		return nil
	}
	return f
}

func pkgOf(f *ssa.Function) *ssa.Package {
	for f.Pkg == nil && f.Parent() != nil {
		f = f.Parent()
	}
	return f.Pkg
}

// Arguments returns what c gives to the parameters of its callee, in their order: also the receiver of a method value, which is
// none of the call's own arguments.
func Arguments(c ssa.CallInstruction) []ssa.Value {
	args := c.Common().Args
	if _, receiver := boundMethod(c.Common().Value); receiver != nil {
		return append([]ssa.Value{receiver}, args...)
	}
	return args
}

// Translate returns the place that the caller of c knows for a place of its callee. A place of the function around the
// callee, which is a literal then, stays as it is. It is false for what the caller cannot name.
func Translate(p Place, callee *ssa.Function, c ssa.CallInstruction) (Place, bool) {
	if p.Global() || p.Root.Parent() != callee {
		return p, true
	}
	i := -1
	for j, param := range callee.Params {
		if param == p.Root {
			i = j
		}
	}
	args := Arguments(c)
	if i < 0 || i >= len(args) || hasRegister(p.Fields) {
		return Place{}, false
	}
	q := PlaceOf(args[i])
	return Place{q.Root, q.Fields + p.Fields}, true
}

// hasRegister tells whether the fields name an entry by a register, which only means something in its own function.
func hasRegister(fields string) bool {
	for i := range len(fields) - 1 {
		if fields[i] == '[' && (fields[i+1] < '0' || fields[i+1] > '9') {
			return true
		}
	}
	return false
}

// Inward returns the places by which callee knows what its caller knows as p. A literal knows all that the function around it
// knows.
func Inward(p Place, callee *ssa.Function, c ssa.CallInstruction) (out []Place) {
	if p.Global() {
		return []Place{p}
	}
	for around := callee.Parent(); around != nil; around = around.Parent() {
		if p.Root.Parent() == around {
			return []Place{p}
		}
	}
	for i, a := range Arguments(c) {
		if rest, ok := p.Within(PlaceOf(a)); ok && i < len(callee.Params) && !hasRegister(rest) {
			out = append(out, Place{callee.Params[i], rest})
		}
	}
	return out
}
