package exec

import (
	"go/types"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/facts"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/ir"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
)

// called notes a call of a method, of which nothing is known, on recv. Such a method may wait for goroutines, as one does that
// hides a WaitGroup. Where g has called another method of recv before it started a goroutine which calls recv as well, this
// call may be over only when that goroutine is done with it: a run in which it goes on later proves no crash.
func (x frame) called(recv Value, t types.Type, method string) {
	switch recv.(type) {
	case *Value, *facts.Term:
	default:
		return
	}
	m := x.m
	for _, v := range m.Visits {
		if v.By != x.g || v.To != recv || v.Method == method {
			continue
		}
		for _, other := range m.Gs[v.Started:] {
			if other.Starter == x.g && !other.Done && other.Fn != nil && callsMethod(other.Fn, t) {
				m.Supposed = true
				return
			}
		}
	}
	m.Visits = append(m.Visits, machine.Visit{By: x.g, To: recv, Method: method, Started: len(m.Gs)})
}

// callsMethod tells whether fn, or a function literal in it, calls a method of a value of type t, or of what t points to.
func callsMethod(fn *ssa.Function, t types.Type) bool {
	for _, f := range ir.Functions([]*ssa.Function{fn}) {
		for _, b := range f.Blocks {
			for _, in := range b.Instrs {
				c, ok := in.(ssa.CallInstruction)
				if !ok {
					continue
				}
				if of := receiverOf(c.Common()); of != nil && types.Identical(pointed(of), pointed(t)) {
					return true
				}
			}
		}
	}
	return false
}

// receiverOf returns the type of the receiver of a method call, or nil.
func receiverOf(c *ssa.CallCommon) types.Type {
	if c.IsInvoke() {
		return c.Value.Type()
	}
	if f := c.StaticCallee(); f != nil && f.Signature.Recv() != nil {
		return f.Signature.Recv().Type()
	}
	return nil
}

func pointed(t types.Type) types.Type {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		return p.Elem()
	}
	return t
}
