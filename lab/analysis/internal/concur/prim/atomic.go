package prim

import (
	"go/token"
	"go/types"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/heap"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/ir"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
)

var _ = define(atomics())

// Atomic is a value of a type of sync/atomic, such as atomic.Int64.
type Atomic struct {
	val Value
}

// Copy copies its value, as an assignment does.
func (x *Atomic) Copy() heap.Content { return &Atomic{heap.Copy(x.val)} }

// Trace tells what it keeps alive.
func (x *Atomic) Trace(t heap.Tracer) { t.Mark(x.val) }

// atomicOp does something with the value of a cell at once. args are those of the call, after the address.
type atomicOp func(m *machine.Machine, cell *Value, args []Value) Value

var atomicOps = map[string]atomicOp{
	"Load": func(_ *machine.Machine, cell *Value, _ []Value) Value { return *cell },
	"Store": func(_ *machine.Machine, cell *Value, args []Value) Value {
		*cell = args[0]
		return nil
	},
	"Swap": func(_ *machine.Machine, cell *Value, args []Value) Value {
		was := *cell
		*cell = args[0]
		return was
	},
	"Add": func(m *machine.Machine, cell *Value, args []Value) Value {
		*cell = m.Binary(token.ADD, types.Typ[types.Int64], *cell, args[0], types.Typ[types.Int64])
		return *cell
	},
	"CompareAndSwap": func(m *machine.Machine, cell *Value, args []Value) Value {
		equal, known := m.Identical(*cell, args[0])
		if !known {
			equal = m.Choose(2) == 0
		}
		if equal {
			*cell = args[1]
		}
		return equal
	},
}

// atomics are the functions on words, the types, and their methods.
func atomics() primitive {
	p := primitive{contents: make(map[string]content), funcs: make(map[string]function)}
	for name, op := range atomicOps {
		for _, t := range []string{"Int32", "Int64", "Uint32", "Uint64", "Uintptr", "Pointer"} {
			p.funcs["sync/atomic."+name+t] = function{0, func(c *machine.Call) {
				cell := c.M.Deref(c.Args[0])
				if cell == nil {
					c.M.Impossible()
					return
				}
				c.Step(func() Value { return op(c.M, cell, c.Args[1:]) })
			}}
		}
		for _, t := range []string{"Int32", "Int64", "Uint32", "Uint64", "Uintptr", "Bool", "Value", "Pointer[T]"} {
			p.funcs["(*sync/atomic."+t+")."+name] = function{0, func(c *machine.Call) {
				if x, ok := at[*Atomic](c); ok {
					c.Step(func() Value { return op(c.M, &x.val, c.Args[1:]) })
				}
			}}
		}
	}
	for _, t := range []string{"Int32", "Int64", "Uint32", "Uint64", "Uintptr", "Bool", "Value", "Pointer"} {
		p.contents["sync/atomic."+t] = newAtomic
	}
	return p
}

func newAtomic(s *heap.Space, t types.Type, open bool) heap.Content {
	if elem := atomicElem(t); open {
		return &Atomic{s.Fresh(elem)}
	} else {
		return &Atomic{s.Zero(elem)}
	}
}

// atomicElem returns the type of the value inside an atomic type.
func atomicElem(t types.Type) types.Type {
	if n, ok := types.Unalias(t).(*types.Named); ok && n.TypeArgs().Len() == 1 {
		return types.NewPointer(n.TypeArgs().At(0))
	}
	switch _, name := ir.TypeName(t); name {
	case "Bool":
		return types.Typ[types.Bool]
	case "Value":
		return anyType
	}
	return types.Typ[types.Int64]
}
