package machine

import (
	"go/token"
	"go/types"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/heap"
)

// Call is a call under way.
type Call struct {
	M    *Machine
	G    *G
	Args []Value
	// Common is the call in the program; nil for calls that a model makes.
	Common *ssa.CallCommon
	Pos    token.Pos
	// Done is what to do with the result, if anything.
	Done func(Value)
	// Model is what a model has to do about a call that it makes itself; nil for calls of the program.
	Model *Continuation
	// DeferOf is the frame whose deferred call this is.
	DeferOf *Frame
}

// Continuation is how a model goes on after a call that it makes.
type Continuation struct {
	// Abandoned is what to do if the call does not return, and why it does not; nil for nothing.
	Abandoned func(why Unwinding)
	// Keeps is what the model will use then, and so is kept alive; nil for nothing.
	Keeps heap.Object
}

// Native is a function of the model itself, such as the cancel function of a context.
type Native struct {
	Call func(c *Call)
	// Keeps calls t with what the function keeps alive.
	Keeps func(t heap.Tracer)
}

// Trace tells what the function keeps alive.
func (n *Native) Trace(t heap.Tracer) { n.Keeps(t) }

// Receiver is an object with methods that only the model knows, such as a context.
type Receiver interface {
	heap.Object
	// Method calls the method of that name; it returns false if the call is an ordinary one.
	Method(c *Call, name string) bool
}

// Result ends the call at once.
func (c *Call) Result(v Value) {
	if c.Done != nil {
		c.Done(v)
	}
}

// Site is where the call stands.
func (c *Call) Site() Site { return Site{Pos: c.Pos, Operand: c.Operand(), Done: c.Done} }

// Step makes the call an operation that others see and which never waits.
func (c *Call) Step(do func() Value) { c.G.Op = &Step{Free{c.Site()}, do} }

// Pause makes the call one at which others go on first.
func (c *Call) Pause(long bool) { c.G.Op = &Pause{Free{c.Site()}, long} }

// Operand is what the call operates on, for people.
func (c *Call) Operand() ssa.Value {
	switch {
	case c.Common == nil:
		return nil
	case c.Common.IsInvoke():
		return c.Common.Value
	case len(c.Common.Args) > 0:
		return c.Common.Args[0]
	}
	return nil
}

// ResultType is the type of the call's result; sig is that of the function, where there is no call in the program.
func (c *Call) ResultType(sig *types.Signature) types.Type {
	if c.Common != nil {
		sig = c.Common.Signature()
	}
	if sig == nil {
		return types.NewTuple()
	}
	return sig.Results()
}

// Opaque hands the arguments to the outside and gets something unknown back.
func (c *Call) Opaque() {
	c.EscapeArgs()
	c.Result(c.M.Fresh(c.ResultType(nil)))
}

// EscapeArgs hands the arguments to the outside.
func (c *Call) EscapeArgs() {
	for _, a := range c.Args {
		switch a.(type) {
		case nil, bool, int64, float64, string:
		default:
			c.M.Escape(a)
		}
	}
}

// Invoke calls fn in g for a model: done is what to do with the result, and then, if not nil, what else there is to do.
func (m *Machine) Invoke(g *G, fn Value, args []Value, pos token.Pos, done func(Value), then *Continuation) {
	m.Exec.Invoke(&Call{M: m, G: g, Args: args, Pos: pos, Done: done, Model: then}, fn)
}
