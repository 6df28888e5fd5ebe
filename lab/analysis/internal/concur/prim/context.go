package prim

import (
	"go/token"
	"go/types"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/facts"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/heap"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/ir"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
)

var _ = define(primitive{
	funcs: map[string]function{
		"context.Background":       {0, rootContext},
		"context.TODO":             {0, rootContext},
		"context.WithoutCancel":    {0, rootContext},
		"context.WithCancel":       {Makes, withCancel},
		"context.WithCancelCause":  {Makes, withCancel},
		"context.WithTimeout":      {Makes, withTimeout},
		"context.WithDeadline":     {Makes, withTimeout},
		"context.WithTimeoutCause": {Makes, withTimeout},
		"context.WithValue":        {0, withValue},
	},
})

// Context is a context that the program made. Holding one lets a goroutine wait for it, not end it: only its cancel function
// and its deadline end it. So a goroutine that waits for a context is stuck when the cancel function is gone, whoever holds
// the context itself.
type Context struct {
	parent   Value // an unknown context, or an Iface
	done     *Chan // nil: it never ends
	ended    bool
	err      Value // what Err returned
	children []*Context
	value    Value
}

var contextType = types.NewPointer(types.NewNamed(types.NewTypeName(token.NoPos, nil, "ctx", nil), types.NewStruct(nil, nil), nil))

func (x *Context) iface() heap.Iface { return heap.Iface{Type: contextType, Val: x} }

// Trace tells what holding the context keeps alive.
func (x *Context) Trace(t heap.Tracer) {
	t.Mark(x.value)
	t.Mark(x.parent)
}

// cancelable notes that something alive can end the context, and its children with it.
func (x *Context) cancelable(t heap.Tracer) {
	if x.done != nil {
		t.Act(x.done)
	}
	for _, c := range x.children {
		c.cancelable(t)
	}
}

func (x *Context) end() {
	if x.ended {
		return
	}
	x.ended = true
	if x.done != nil {
		x.done.closed = true
	}
	for _, c := range x.children {
		c.end()
	}
}

func newContext(parent Value) *Context {
	x := &Context{parent: parent, done: &Chan{signal: true, elem: types.NewStruct(nil, nil)}}
	switch p := parent.(type) {
	case *facts.Term:
		x.done.open = true
	case heap.Iface:
		owner, ok := p.Val.(*Context)
		if !ok { // a type of the program's own
			x.done.open = true
			break
		}
		owner.children = append(owner.children, x)
		x.done.open = owner.done != nil && owner.done.open
		if owner.ended {
			x.end()
		}
	}
	return x
}

func (x *Context) cancel(m *machine.Machine) *machine.Native {
	return &machine.Native{Keeps: x.cancelable, Call: func(c *machine.Call) {
		g, pos := c.G, c.Pos
		c.Step(func() Value {
			m.Note(g, pos, "cancels the context", nil)
			x.end()
			return nil
		})
	}}
}

func rootContext(c *machine.Call) { c.Result((&Context{}).iface()) }

func withCancel(c *machine.Call) {
	x := newContext(c.Args[0])
	c.Result(heap.Tuple{x.iface(), x.cancel(c.M)})
}

func withTimeout(c *machine.Call) {
	x := newContext(c.Args[0])
	c.M.Timers = append(c.M.Timers, &machine.Timer{Name: "the context's deadline passes", Active: true, Keeps: x.cancelable,
		Ready: func() bool { return !x.ended }, Fire: x.end})
	c.Result(heap.Tuple{x.iface(), x.cancel(c.M)})
}

func withValue(c *machine.Call) {
	x := newContext(c.Args[0])
	if p, ok := c.Args[0].(heap.Iface); ok {
		if owner, ok := p.Val.(*Context); ok && owner.done == nil {
			x.done = nil
		}
	}
	x.value = c.Args[2]
	c.Result(x.iface())
}

// Method calls a method of the context.
func (x *Context) Method(c *machine.Call, name string) bool {
	switch name {
	case "Done":
		if x.done == nil {
			c.Result(nil)
		} else {
			c.Result(x.done)
		}
	case "Err":
		c.Result(x.error(c.M))
	default:
		c.Result(c.M.Fresh(c.ResultType(nil)))
	}
	return true
}

func (x *Context) error(m *machine.Machine) Value {
	switch {
	case x.ended || x.done != nil && x.done.closed:
		if x.err == nil {
			x.err = newError(m)
		}
		return x.err
	case x.done != nil && x.done.open:
		return m.NewTerm(errorType)
	}
	return nil
}

// IsContext tells whether t is context.Context.
func IsContext(t types.Type) bool {
	path, name := ir.TypeName(t)
	return path == "context" && name == "Context"
}

// DoneOf is the channel that the Done method of an unknown context returns: the outside closes it, and never sends.
func DoneOf(m *machine.Machine, ctx *facts.Term, t types.Type) Value {
	done := m.DoneOf(ctx, t)
	ChanOf(m, done).signal = true
	return done
}

// ending returns the channel that ends with a context of any kind, and what its Err returns then. The channel is nil for a
// context that never ends.
func ending(m *machine.Machine, ctx Value) (done *Chan, err func() Value) {
	unknown := func() Value {
		err := m.NewTerm(errorType)
		err.SetNil(false)
		return err
	}
	switch v := ctx.(type) {
	case heap.Iface:
		if x, ok := v.Val.(*Context); ok {
			return x.done, func() Value { return x.error(m) }
		}
	case *facts.Term:
		return ChanOf(m, DoneOf(m, v, doneType)), unknown
	}
	return &Chan{signal: true, open: true, elem: types.NewStruct(nil, nil)}, unknown
}

// doneType is the type of what Done returns.
var doneType = types.NewChan(types.RecvOnly, types.NewStruct(nil, nil))
