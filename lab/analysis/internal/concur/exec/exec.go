// Package exec executes the instructions of functions in SSA form on the values of the model.
package exec

import (
	"fmt"
	"go/token"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/heap"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/prim"
)

// Value is a value of the model.
type Value = heap.Value

// Executor is a [machine.Executor].
type Executor struct{}

// Execute runs g until its next operation, its end, or the end of the run.
func (Executor) Execute(m *machine.Machine, g *machine.G) {
	for m.Over() == machine.Running && g.Op == nil && !g.Parked {
		f := g.Top()
		if f == nil {
			if !g.Done {
				m.End(g)
			}
			return
		}
		if m.Steps++; m.Steps > m.Limits.Steps {
			m.Stop(machine.Exhausted)
			return
		}
		x := frame{m, g, f}
		if f.Unwinding != machine.NotUnwinding {
			x.unwind()
		} else {
			x.step(f.Block.Instrs[f.PC])
		}
	}
}

// frame is where a goroutine is.
type frame struct {
	m *machine.Machine
	g *machine.G
	f *machine.Frame
}

func (x frame) get(v ssa.Value) Value {
	switch v := v.(type) {
	case *ssa.Const:
		return constant(x.m, v)
	case *ssa.Global:
		return x.m.Global(v)
	case *ssa.Function, *ssa.Builtin:
		return v
	}
	return x.f.Regs[x.f.Fn.Register(v)]
}

func (x frame) set(v ssa.Value, to Value) { x.f.Regs[x.f.Fn.Register(v)] = to }

// site is where an instruction stands; its result goes to register result, if that is not nil.
func (x frame) site(pos token.Pos, operand, result ssa.Value) machine.Site {
	return machine.Site{Pos: pos, Operand: operand, Done: func(v Value) {
		if result != nil {
			x.set(result, v)
		}
		x.f.PC++
	}}
}

func (x frame) step(in ssa.Instruction) {
	if x.control(in) || x.communicate(in) {
		return
	}
	m, f := x.m, x.f
	switch in := in.(type) {
	case *ssa.Defer:
		fn, args := x.prepare(&in.Call)
		f.Defers = append(f.Defers, machine.Deferred{Fn: fn, Args: args, Call: &in.Call, Pos: in.Pos()})
	case *ssa.UnOp:
		x.set(in, x.unary(in, x.get(in.X)))
	case *ssa.Store:
		c := m.Deref(x.get(in.Addr))
		if c == nil {
			m.Impossible()
			return
		}
		m.Store(c, heap.Copy(x.get(in.Val)))
	case *ssa.MapUpdate:
		m.MapUpdate(x.get(in.Map), heap.Copy(x.get(in.Key)), heap.Copy(x.get(in.Value)))
	case *ssa.DebugRef, *ssa.RunDefers:
	case ssa.Value:
		x.set(in, x.value(in))
	default:
		m.Impossible()
		return
	}
	f.PC++
}

// control executes an instruction that decides itself where the function goes on; false if in is none.
func (x frame) control(in ssa.Instruction) bool {
	switch in := in.(type) {
	case *ssa.If:
		x.branch(in)
	case *ssa.Jump:
		x.jump(x.f.Block.Succs[0])
	case *ssa.Return:
		x.doReturn(in)
	case *ssa.Call:
		fn, args := x.prepare(&in.Call)
		x.invoke(&machine.Call{M: x.m, G: x.g, Args: args, Common: &in.Call, Pos: in.Pos(), Done: x.site(0, nil, in).Done}, fn)
	case *ssa.RunDefers:
		if len(x.f.Defers) == 0 {
			return false
		}
		x.runDeferred()
	case *ssa.Panic:
		if !x.g.Recovers() { // the process ends
			x.m.Stop(machine.Exited)
			return true
		}
		x.f.Unwinding, x.f.Panic = machine.Panicking, x.get(in.X)
	default:
		return false
	}
	return true
}

// runDeferred calls the last deferred function.
func (x frame) runDeferred() {
	n := len(x.f.Defers) - 1
	d := x.f.Defers[n]
	x.f.Defers = x.f.Defers[:n]
	x.invoke(&machine.Call{M: x.m, G: x.g, Args: d.Args, Common: d.Call, Pos: d.Pos, DeferOf: x.f}, d.Fn)
}

// communicate executes an instruction at which other goroutines may go on first; false if in is none.
func (x frame) communicate(in ssa.Instruction) bool {
	m, g, f := x.m, x.g, x.f
	switch in := in.(type) {
	case *ssa.Go:
		fn, args := x.prepare(&in.Call)
		f.PC++
		started := m.Spawn(fn, args, &in.Call, in.Pos())
		if m.Tracing {
			m.Note(g, in.Pos(), fmt.Sprintf("starts goroutine %d%s", started.ID, nameOf(started)), nil)
		}
		g.Op = &machine.Step{Free: machine.Free{Site: machine.Site{Pos: in.Pos()}}}
	case *ssa.Send:
		g.Op = prim.Send(prim.ChanOf(m, x.get(in.Chan)), heap.Copy(x.get(in.X)), x.site(in.Pos(), in.Chan, nil))
	case *ssa.Select:
		g.Op = prim.Select(m, in, x.get, x.site(0, nil, in).Done)
	case *ssa.UnOp:
		if in.Op != token.ARROW {
			return false
		}
		g.Op = prim.Receive(prim.ChanOf(m, x.get(in.X)), in.CommaOk, x.site(in.Pos(), in.X, in))
	default:
		return false
	}
	return true
}

func nameOf(g *machine.G) string {
	if g.Fn == nil {
		return ""
	}
	return ", " + g.Fn.Name()
}

func (x frame) doReturn(in *ssa.Return) {
	var v Value
	switch len(in.Results) {
	case 0:
	case 1:
		v = heap.Copy(x.get(in.Results[0]))
	default:
		t := make(heap.Tuple, len(in.Results))
		for i, r := range in.Results {
			t[i] = heap.Copy(x.get(r))
		}
		v = t
	}
	x.leave(v)
}

// leave ends the call with result v.
func (x frame) leave(v Value) {
	x.g.Pop()
	if x.f.Return != nil {
		x.f.Return(v)
	}
}

// unwind runs the deferred calls of a panicking or exiting frame, then leaves it.
func (x frame) unwind() {
	m, g, f := x.m, x.g, x.f
	if len(f.Defers) > 0 {
		x.runDeferred()
		return
	}
	if f.Recovered {
		f.Recovered = false
		if f.Fn.Recover != nil {
			f.Unwinding = machine.NotUnwinding
			f.Prev, f.Block, f.PC = f.Block, f.Fn.Recover, 0
			return
		}
		x.leave(m.Zero(f.Fn.Signature.Results()))
		return
	}
	g.Pop()
	if f.Model != nil && f.Model.Abandoned != nil {
		f.Model.Abandoned(f.Unwinding)
	}
	up := g.Top()
	if up == nil {
		if f.Unwinding == machine.Panicking {
			m.Stop(machine.Exited)
		}
		return
	}
	up.Unwinding, up.Panic, up.Recovered = f.Unwinding, f.Panic, false
}

// recoverPanic is the builtin recover.
func (x frame) recoverPanic() Value {
	up := x.f.DeferOf
	if up == nil || up.Unwinding != machine.Panicking || up.Recovered {
		return nil
	}
	up.Recovered = true
	if up.Panic == nil {
		return x.m.NewTerm(anyType)
	}
	return up.Panic
}

var _ machine.Executor = Executor{}
