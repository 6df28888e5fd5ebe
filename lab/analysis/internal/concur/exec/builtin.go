package exec

import (
	"go/token"
	"go/types"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/facts"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/heap"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/prim"
)

func (x frame) builtin(c *machine.Call, b *ssa.Builtin) {
	m := x.m
	arg := func(i int) Value {
		if i < len(c.Args) {
			return c.Args[i]
		}
		return nil
	}
	switch b.Name() {
	case "close":
		prim.Close(c, prim.ChanOf(m, arg(0)))
	case "len":
		spawns := x.f != nil && x.f.Fn.SpawnCounts[c.Common]
		if spawns {
			m.SomeElements(arg(0))
		}
		n := x.length(arg(0))
		if _, unknown := arg(0).(*facts.Term); unknown && spawns && n == int64(0) {
			m.Impossible() // somebody else who asked has found nothing in it: see decide
			return
		}
		c.Result(n)
	case "cap":
		c.Result(x.capacity(arg(0)))
	case "append":
		if len(c.Args) < 2 {
			c.Result(arg(0))
		} else {
			c.Result(m.Append(arg(0), arg(1), c.Common.Args[0].Type()))
		}
	case "copy":
		c.Result(m.CopyElements(arg(0), arg(1)))
	case "delete":
		m.Delete(arg(0), arg(1))
		c.Result(nil)
	case "clear":
		m.Clear(arg(0))
		c.Result(nil)
	case "min", "max":
		x.minMax(c, b.Name() == "max")
	case "recover":
		c.Result(x.recoverPanic())
	case "panic":
		if x.f != nil {
			x.f.Unwinding = machine.Panicking
		}
	case "ssa:wrapnilchk":
		c.Result(arg(0))
	default:
		c.Result(m.Fresh(c.ResultType(nil)))
	}
}

func (x frame) minMax(c *machine.Call, largest bool) {
	t := c.Common.Args[0].Type()
	best := c.Args[0]
	for _, a := range c.Args[1:] {
		small, large := a, best
		if largest {
			small, large = best, a
		}
		better, ok := x.m.Condition(x.m.Binary(token.LSS, t, small, large, types.Typ[types.Bool]))
		if !ok {
			c.Result(x.m.Fresh(c.ResultType(nil)))
			return
		}
		if better {
			best = a
		}
	}
	c.Result(best)
}

func (x frame) capacity(v Value) Value {
	switch v := v.(type) {
	case heap.Slice:
		return int64(cap(v))
	case *prim.Chan:
		if n, ok := v.Cap(); ok {
			return int64(n)
		}
		return x.m.NewTerm(types.Typ[types.Int])
	}
	return x.length(v)
}

func (x frame) length(v Value) Value {
	switch v := v.(type) {
	case nil:
		return int64(0)
	case string:
		return int64(len(v))
	case heap.Slice:
		return int64(len(v))
	case heap.Array:
		return int64(len(v))
	case *Value:
		if a, ok := (*v).(heap.Array); ok {
			return int64(len(a))
		}
	case *heap.Map:
		return int64(len(v.Keys))
	case *prim.Chan:
		if n, ok := v.Len(); ok {
			return int64(n)
		}
	case *facts.Term:
		return x.unknownLength(v)
	}
	return x.m.NewTerm(types.Typ[types.Int])
}

func (x frame) unknownLength(u *facts.Term) Value {
	switch u.Type.Underlying().(type) {
	case *types.Slice:
		elems, _ := x.m.Elements(u)
		return int64(len(elems))
	case *types.Map:
		if n, ok := x.m.Entries(u); ok {
			return int64(n)
		}
		return x.m.NewTerm(types.Typ[types.Int])
	}
	return x.m.Expr(facts.Formula{Op: facts.Len, X: u}, types.Typ[types.Int])
}
