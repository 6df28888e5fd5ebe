package exec

import (
	"go/types"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/facts"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/heap"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/prim"
)

// maxDepth is the number of frames of a goroutine beyond which functions are not looked into.
const maxDepth = 40

// method is a method call on an interface, before its function is known.
type method struct {
	recv Value
	fn   *types.Func
}

// Trace tells what it keeps alive.
func (b *method) Trace(t heap.Tracer) { t.Mark(b.recv) }

// prepare evaluates the function and the arguments of a call.
func (x frame) prepare(c *ssa.CallCommon) (fn Value, args []Value) {
	args = make([]Value, 0, len(c.Args))
	for _, a := range c.Args {
		args = append(args, heap.Copy(x.get(a)))
	}
	if c.IsInvoke() {
		return &method{x.get(c.Value), c.Method}, args
	}
	return x.get(c.Value), args
}

// Invoke calls fn: it pushes a frame, sets the goroutine's operation, or ends the call at once.
func (Executor) Invoke(c *machine.Call, fn Value) { frame{c.M, c.G, c.G.Top()}.invoke(c, fn) }

func (x frame) invoke(c *machine.Call, fn Value) {
	switch fn := fn.(type) {
	case *ssa.Function:
		x.enter(c, fn, nil)
	case *heap.Closure:
		x.enter(c, fn.Fn, fn.Env)
	case *machine.Native:
		fn.Call(c)
	case *ssa.Builtin:
		x.builtin(c, fn)
	case *method:
		x.invokeMethod(c, fn)
	case nil:
		x.m.Impossible() // nil function: the program would crash
	default:
		x.opaque(c, nil)
	}
}

func (x frame) enter(c *machine.Call, fn *ssa.Function, env []Value) {
	if fn.Name() == "init" && fn.Pkg != x.m.Package && fn.Signature.Recv() == nil {
		c.Result(nil) // the initializer of another package
		return
	}
	body := x.m.Body(fn)
	switch {
	case body.Model != nil:
		body.Model(c)
		return
	case body.Func == nil || len(c.G.Frames) >= maxDepth:
		x.external(c, fn, body.Name)
		return
	}
	f := &machine.Frame{Fn: body.Func, Block: fn.Blocks[0], Return: c.Done, Model: c.Model, DeferOf: c.DeferOf,
		Regs: x.m.Regs.Take(body.Func.Registers())}
	for i, p := range fn.Params {
		if i < len(c.Args) {
			f.Regs[body.Func.Register(p)] = c.Args[i]
		}
	}
	for i, v := range fn.FreeVars {
		f.Regs[body.Func.Register(v)] = env[i]
	}
	c.G.Frames = append(c.G.Frames, f)
}

// external calls a function whose body is not in the model.
func (x frame) external(c *machine.Call, fn *ssa.Function, name string) {
	switch {
	case exits(name) || failsTest(fn):
		x.m.Stop(machine.Exited)
	case harmless(fn):
		x.functionsEscape(c)
		v := x.answer(c, c.ResultType(fn.Signature))
		if name == "runtime.NumCPU" || name == "runtime.GOMAXPROCS" {
			facts.AtLeastOne(v)
		}
		c.Result(v)
	default:
		if recv := fn.Signature.Recv(); recv != nil && len(c.Args) > 0 {
			x.called(c.Args[0], recv.Type(), fn.Name())
		}
		x.opaque(c, fn.Signature)
	}
}

// functionsEscape hands the functions among the arguments to the outside: they may be kept, as by t.Cleanup.
func (x frame) functionsEscape(c *machine.Call) {
	for _, a := range c.Args {
		switch a.(type) {
		case *heap.Closure, *machine.Native:
			x.m.Escape(a)
		}
	}
}

// opaque hands the arguments to the outside and gets something unknown back.
func (x frame) opaque(c *machine.Call, sig *types.Signature) {
	c.EscapeArgs()
	c.Result(x.answer(c, c.ResultType(sig)))
}

func (x frame) invokeMethod(c *machine.Call, b *method) {
	if u, ok := b.recv.(*facts.Term); ok {
		x.invokeUnknown(c, u, b.fn)
		return
	}
	i, ok := b.recv.(heap.Iface)
	if !ok {
		x.m.Impossible() // a nil interface
		return
	}
	if r, ok := i.Val.(machine.Receiver); ok && r.Method(c, b.fn.Name()) {
		return
	}
	c.Args = append([]Value{i.Val}, c.Args...)
	if fn := x.methodOf(i.Type, b.fn); fn != nil {
		x.enter(c, fn, nil)
	} else {
		x.opaque(c, b.fn.Signature())
	}
}

// invokeUnknown calls a method of an interface value of which only the interface is known.
func (x frame) invokeUnknown(c *machine.Call, recv *facts.Term, fn *types.Func) {
	recv.SetNil(false)
	switch t := recv.Type; {
	case prim.IsContext(t) && fn.Name() == "Done":
		c.Result(prim.DoneOf(x.m, recv, fn.Signature().Results().At(0).Type()))
	case isTesting(t) && testingExits[fn.Name()]:
		x.m.Stop(machine.Exited)
	case prim.IsContext(t) || isTesting(t) || isError(t): // they keep nothing of what they are given, but for functions
		x.functionsEscape(c)
		c.Result(x.m.Fresh(c.ResultType(fn.Signature())))
	default:
		x.called(recv, t, fn.Name())
		c.Args = append([]Value{recv}, c.Args...)
		x.opaque(c, fn.Signature())
	}
}

// methodOf returns the method of t that fn names, or nil for the types that only the model knows.
func (x frame) methodOf(t types.Type, fn *types.Func) *ssa.Function {
	prog := x.m.Package.Prog
	sel := prog.MethodSets.MethodSet(t).Lookup(fn.Pkg(), fn.Name())
	if sel == nil {
		return nil
	}
	return prog.MethodValue(sel)
}
