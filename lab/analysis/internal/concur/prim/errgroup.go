package prim

import (
	"go/types"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/facts"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/heap"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
)

const errgroupPath = "golang.org/x/sync/errgroup"

var _ = define(primitive{
	contents: map[string]content{errgroupPath + ".Group": func(_ *heap.Space, _ types.Type, open bool) heap.Content {
		return &Group{counter: counter{open: open}, limit: noLimit}
	}},
	funcs: map[string]function{
		errgroupPath + ".WithContext":            {0, newGroup},
		"(*" + errgroupPath + ".Group).Go":       {Starts, goGroup},
		"(*" + errgroupPath + ".Group).TryGo":    {Starts, tryGoGroup},
		"(*" + errgroupPath + ".Group).Wait":     {Waits, waitGroup},
		"(*" + errgroupPath + ".Group).SetLimit": {0, limitGroup},
	},
})

// Group is an errgroup.Group, whose code is another package's and so not looked into.
type Group struct {
	counter
	err   Value    // the first error
	ctx   *Context // of WithContext: it ends with the first error, and with Wait
	limit int64
	// doubt: a goroutine ended well as far as the model can say. Serve and its like always return an error: so what waits
	// for the context of such a group is not taken for stuck.
	doubt bool
}

const noLimit = -1

var (
	groupWait = &machine.WaitKind{Name: "Wait"}
	groupGo   = &machine.WaitKind{Name: "Go"}
)

// Copy copies its state, as an assignment does.
func (x *Group) Copy() heap.Content { c := *x; return &c }

// Trace tells that its Wait ends its context.
func (x *Group) Trace(t heap.Tracer) {
	if x.ctx != nil {
		x.ctx.cancelable(t)
	}
}

// Undecided tells that a goroutine of which the model thinks that it returned no error may have ended the context.
func (x *Group) Undecided(t heap.Tracer) {
	if x.ctx != nil && x.doubt {
		x.ctx.cancelable(t)
	}
}

// Ended counts the end of g, and takes its error.
func (x *Group) Ended(m *machine.Machine, g *machine.G) {
	x.count--
	if g.Result == nil {
		return
	}
	if u, ok := g.Result.(*facts.Term); ok {
		if u.Nilness() == facts.Unasked {
			u.SetNil(m.Choose(2) == 0)
		}
		if u.Nilness() == facts.Nil {
			x.doubt = true
			return
		}
	}
	if x.err != nil {
		return
	}
	x.err = g.Result
	if x.ctx != nil {
		x.ctx.end()
	}
}

func newGroup(c *machine.Call) {
	ctx := newContext(c.Args[0])
	cell := new(Value)
	*cell = &Group{ctx: ctx, limit: noLimit}
	c.Result(heap.Tuple{cell, ctx.iface()})
}

func (x *Group) full() bool { return x.limit >= 0 && x.count >= x.limit }

func (x *Group) start(c *machine.Call) {
	x.count++
	c.M.Spawn(c.Args[1], nil, nil, c.Pos).Joins = x
}

func goGroup(c *machine.Call) {
	x, ok := at[*Group](c)
	switch {
	case !ok:
	case x.limit < 0:
		x.start(c)
		c.Result(nil)
	default:
		c.G.Op = &groupSlot{c.Site(), x, c}
	}
}

func tryGoGroup(c *machine.Call) {
	if x, ok := at[*Group](c); ok {
		c.Step(func() Value {
			if x.full() {
				return false
			}
			x.start(c)
			return true
		})
	}
}

// groupSlot is Go of a group with a limit: it waits until fewer goroutines run.
type groupSlot struct {
	machine.Site
	x *Group
	c *machine.Call
}

func (o *groupSlot) Ready(*machine.Machine, *machine.G) machine.Readiness {
	if o.x.full() {
		return machine.Blocked
	}
	return machine.Ready
}

func (o *groupSlot) Perform(m *machine.Machine, g *machine.G) {
	o.x.start(o.c)
	m.Note(g, o.Pos, "Go", nil)
	o.Complete(nil)
}

func (o *groupSlot) Trace(t heap.Tracer) { t.Mark(o.x) }

func (o *groupSlot) Hope(alive machine.Alive, _ *machine.G) bool { return o.x.open || alive.Has(o.x) }

func (o *groupSlot) Wait(*machine.Machine, *machine.G) machine.Wait {
	return machine.Wait{Kind: groupGo}
}

func waitGroup(c *machine.Call) {
	x, ok := at[*Group](c)
	if !ok {
		return
	}
	site, m := c.Site(), c.M
	site.Done = func(Value) {
		if x.ctx != nil {
			x.ctx.end()
		}
		err := x.err
		if x.open && err == nil { // others may have put work into it
			err = m.NewTerm(errorType)
		}
		c.Result(err)
	}
	c.G.Op = &counterWait{site, &x.counter, x, groupWait}
}

// limitGroup takes a limit that nobody knows for one that is never reached: the program will have chosen it well.
func limitGroup(c *machine.Call) {
	if x, ok := at[*Group](c); ok {
		x.limit = noLimit
		if n, ok := c.Args[1].(int64); ok {
			x.limit = max(n, noLimit)
		}
		c.Result(nil)
	}
}
