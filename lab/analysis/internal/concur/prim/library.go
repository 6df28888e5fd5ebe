package prim

import (
	"go/types"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/facts"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/heap"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
)

// What is no primitive of concurrency, but has to be known to follow programs that use some.
var _ = define(primitive{
	contents: map[string]content{
		"sync.Map":  func(*heap.Space, types.Type, bool) heap.Content { return &unseen{} },
		"sync.Pool": func(*heap.Space, types.Type, bool) heap.Content { return &unseen{} },
	},
	funcs: map[string]function{
		"runtime.Gosched": {0, func(c *machine.Call) { c.Pause(false) }},
		"runtime.Goexit": {0, func(c *machine.Call) {
			if f := c.G.Top(); f != nil {
				f.Unwinding = machine.Exiting
			}
		}},
		"errors.New":     {0, func(c *machine.Call) { c.Result(newError(c.M)) }},
		"fmt.Errorf":     {0, func(c *machine.Call) { c.Result(newError(c.M)) }},
		"io.ReadFull":    {0, func(c *machine.Call) { readFrom(c, c.Args[0]) }},
		"io.ReadAtLeast": {0, func(c *machine.Call) { readFrom(c, c.Args[0]) }},
		"io.ReadAll":     {0, func(c *machine.Call) { readFrom(c, c.Args[0]) }},
		"io.Copy":        {0, func(c *machine.Call) { readFrom(c, c.Args[1]) }},
		"io.CopyN":       {0, func(c *machine.Call) { readFrom(c, c.Args[1]) }},
	},
})

// unseen is the content of a type whose methods the model does not know.
type unseen struct{}

func (x *unseen) Copy() heap.Content { return &unseen{} }
func (x *unseen) Trace(heap.Tracer)  {}

// errorText is an error made by errors.New or the like.
type errorText struct{ text *facts.Term }

func newError(m *machine.Machine) heap.Iface {
	return heap.Iface{Type: heap.ErrorType, Val: &errorText{m.NewTerm(types.Typ[types.String])}}
}

// Trace has nothing to follow.
func (x *errorText) Trace(heap.Tracer) {}

// Method is Error.
func (x *errorText) Method(c *machine.Call, name string) bool {
	if name == "Error" {
		c.Result(x.text)
		return true
	}
	return false
}

// readFrom is a function that reads from an io.Reader: it calls Read once.
func readFrom(c *machine.Call, reader Value) {
	i, ok := reader.(heap.Iface)
	if !ok {
		c.Opaque()
		return
	}
	prog := c.M.Package.Prog
	sel := prog.MethodSets.MethodSet(i.Type).Lookup(nil, "Read")
	if sel == nil {
		c.Opaque()
		return
	}
	fn := prog.MethodValue(sel)
	if fn == nil || len(fn.Blocks) == 0 {
		c.Opaque()
		return
	}
	result := c.M.Fresh(c.ResultType(nil))
	buffer := c.M.NewTerm(types.NewSlice(types.Typ[types.Byte]))
	c.M.Invoke(c.G, fn, []Value{i.Val, buffer}, c.Pos, func(Value) { c.Result(result) }, nil)
}
