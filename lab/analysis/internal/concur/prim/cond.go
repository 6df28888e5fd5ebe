package prim

import (
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/heap"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/ir"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
)

var _ = define(primitive{
	contents: map[string]content{"sync.Cond": func(s *heap.Space, _ types.Type, open bool) heap.Content {
		x := &Cond{open: open}
		if open {
			x.l = s.NewTerm(anyType)
		}
		return x
	}},
	funcs: map[string]function{
		"sync.NewCond":           {0, newCond},
		"(*sync.Cond).Wait":      {Waits, waitCond},
		"(*sync.Cond).Signal":    {0, func(c *machine.Call) { signalCond(c, 1) }},
		"(*sync.Cond).Broadcast": {0, func(c *machine.Call) { signalCond(c, everybody) }},
	},
})

// Cond is a sync.Cond.
type Cond struct {
	open    bool // others have it too
	l       Value
	waiters []*machine.G
}

// CondWait is to wait for a Cond.
var CondWait = &machine.WaitKind{Name: "Cond.Wait", Weight: 4}

var waitUnlocked = &machine.CrashKind{What: "Cond.Wait without the lock", Subject: machine.Locks}

// Copy copies it, as an assignment does; nobody waits for the copy.
func (x *Cond) Copy() heap.Content { c := *x; c.waiters = nil; return &c }

// Trace tells what it keeps alive.
func (x *Cond) Trace(t heap.Tracer) { t.Mark(x.l) }

// Field is L, the only one with an exported name.
func (x *Cond) Field(int) *Value { return &x.l }

func newCond(c *machine.Call) {
	cell := new(Value)
	*cell = &Cond{l: c.Args[0]}
	c.Result(cell)
}

func waitCond(c *machine.Call) {
	x, ok := at[*Cond](c)
	if !ok {
		return
	}
	l := lockerOf(x.l)
	if l == nil || x.open {
		c.Pause(true)
		return
	}
	c.G.Op = &condUnlock{machine.Free{Site: c.Site()}, x, l}
}

// condUnlock is the beginning of Wait: it unlocks L.
type condUnlock struct {
	machine.Free
	x *Cond
	l locker
}

func (o *condUnlock) Perform(m *machine.Machine, g *machine.G) {
	if !o.l.release(g) {
		m.Crashed(g, waitUnlocked, o.Pos, token.NoPos)
		return
	}
	o.x.waiters = append(o.x.waiters, g)
	m.Note(g, o.Pos, "waits on %", o.Operand)
	g.Op = &condWait{o.Site, o.x, survey(m).condsSignaled}
}

func (o *condUnlock) Trace(t heap.Tracer) { t.Mark(o.x) }

// condWait is the middle of Wait: it waits for a signal.
type condWait struct {
	machine.Site
	x        *Cond
	signaled bool // somebody may signal it
}

func (o *condWait) Ready(*machine.Machine, *machine.G) machine.Readiness { return machine.Blocked }
func (o *condWait) Perform(*machine.Machine, *machine.G)                 {}
func (o *condWait) Trace(t heap.Tracer)                                  { t.Mark(o.x) }

func (o *condWait) Hope(alive machine.Alive, _ *machine.G) bool {
	return o.x.open || alive.Has(o.x) && o.signaled
}

func (o *condWait) Wait(*machine.Machine, *machine.G) machine.Wait {
	return machine.Wait{Kind: CondWait}
}

// everybody is how many waiters Broadcast wakes.
const everybody = 1 << 30

func signalCond(c *machine.Call, atMost int) {
	x, ok := at[*Cond](c)
	if !ok {
		return
	}
	m, g, pos, operand := c.M, c.G, c.Pos, c.Operand()
	c.Step(func() Value {
		m.Note(g, pos, "signals %", operand)
		n := min(atMost, len(x.waiters))
		for _, w := range x.waiters[:n] {
			x.wake(w)
		}
		x.waiters = slices.Clone(x.waiters[n:])
		return nil
	})
}

// wake makes a waiter take the lock again, which is the end of Wait.
func (x *Cond) wake(w *machine.G) {
	o, ok := w.Op.(*condWait)
	if !ok {
		return
	}
	if l := lockerOf(x.l); l != nil {
		w.Op = l.lockOp(o.Site)
	} else {
		w.Op = &machine.Step{Free: machine.Free{Site: o.Site}}
	}
}

// mayBeSignaled tells whether somebody may wake the goroutines that wait for a Cond of pkg, of which fns are the functions:
// one of them signals a Cond, or passes one on, or others can name one. Where not, a wait for a Cond made here lasts for
// ever, and it does not help that others hold the Cond.
func mayBeSignaled(pkg *types.Package, fns []*ssa.Function) bool {
	return slices.ContainsFunc(fns, signals) ||
		slices.ContainsFunc(pkg.Scope().Names(), func(n string) bool { return exposesCond(pkg.Scope().Lookup(n)) })
}

func signals(fn *ssa.Function) bool {
	for _, b := range fn.Blocks {
		for _, in := range b.Instrs {
			switch in := in.(type) {
			case *ssa.MakeInterface:
				if isCond(in.X.Type()) {
					return true
				}
			case ssa.CallInstruction:
				if passesCond(in.Common(), fn.Pkg) {
					return true
				}
			}
			for _, op := range in.Operands(nil) {
				if f, ok := (*op).(*ssa.Function); ok && wakes(f) {
					return true
				}
			}
		}
	}
	return false
}

// wakes tells whether fn is Signal or Broadcast, or a wrapper made for a value of one of them.
func wakes(fn *ssa.Function) bool {
	o, ok := fn.Object().(*types.Func)
	return ok && (o.FullName() == "(*sync.Cond).Signal" || o.FullName() == "(*sync.Cond).Broadcast")
}

// passesCond tells whether c gives a Cond to code outside pkg, other than its own methods.
func passesCond(c *ssa.CallCommon, pkg *ssa.Package) bool {
	if f := c.StaticCallee(); f != nil && (f.Pkg == pkg || ir.FullName(f) == "(*sync.Cond).Wait") {
		return false
	}
	return slices.ContainsFunc(c.Args, func(a ssa.Value) bool { return isCond(a.Type()) })
}

// exposesCond tells whether other packages get at a Cond through o: a variable, a field, or the result of a function. A type
// that has no exported name may still be that of an exported variable.
func exposesCond(o types.Object) bool {
	switch o := o.(type) {
	case *types.Var:
		return o.Exported() && isCond(o.Type())
	case *types.Func:
		return o.Exported() && returnsCond(o.Signature())
	case *types.TypeName:
		if n, ok := o.Type().(*types.Named); ok {
			for m := range n.Methods() {
				if exposesCond(m) {
					return true
				}
			}
		}
		if s, ok := o.Type().Underlying().(*types.Struct); ok {
			for f := range s.Fields() {
				if exposesCond(f) {
					return true
				}
			}
		}
	}
	return false
}

func returnsCond(s *types.Signature) bool {
	for r := range s.Results().Variables() {
		if isCond(r.Type()) {
			return true
		}
	}
	return false
}

// isCond tells whether t is a sync.Cond or a pointer to one.
func isCond(t types.Type) bool {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	path, name := ir.TypeName(t)
	return path == "sync" && name == "Cond"
}
