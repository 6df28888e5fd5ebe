package prim

import (
	"fmt"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/heap"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/ir"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
)

var _ = define(primitive{
	contents: map[string]content{"sync.WaitGroup": func(_ *heap.Space, _ types.Type, open bool) heap.Content {
		return &WaitGroup{counter{open: open}}
	}},
	funcs: map[string]function{
		"(*sync.WaitGroup).Add":  {0, addWG},
		"(*sync.WaitGroup).Done": {0, addWG},
		"(*sync.WaitGroup).Wait": {Waits, waitWG},
		"(*sync.WaitGroup).Go":   {Starts, goWG},
	},
})

// WaitGroup is a sync.WaitGroup.
type WaitGroup struct{ counter }

// counter counts what is to be waited for.
type counter struct {
	open  bool // others count too
	count int64
	late  []latecomer
}

// latecomer is a goroutine that had been started, and could go on, when the Wait of its starter was over.
type latecomer struct {
	g    *machine.G
	ops  int       // that it had performed
	wait token.Pos // of the Wait
}

// uncounted is the counter after an Add of a number nobody knows: the wait is over when nothing else goes on.
const uncounted = 1 << 40

// uncountable tells whether a number was added that nobody knows.
func (c *counter) uncountable() bool { return c.count >= uncounted/2 }

// WaitGroupWait is to wait for a WaitGroup.
var WaitGroupWait = &machine.WaitKind{Name: "WaitGroup.Wait"}

var (
	negativeCounter = &machine.CrashKind{What: "negative WaitGroup counter"}
	lateAdd         = &machine.CrashKind{What: "WaitGroup.Add after the Wait that should wait for it"}
)

// Copy copies its state, as an assignment does.
func (x *WaitGroup) Copy() heap.Content { c := *x; return &c }

// Trace has nothing to follow.
func (x *WaitGroup) Trace(heap.Tracer) {}

// Ended counts the end of a goroutine that Go has started.
func (x *WaitGroup) Ended(*machine.Machine, *machine.G) { x.count-- }

// Undecided has nothing to follow.
func (x *WaitGroup) Undecided(heap.Tracer) {}

// addWG is Add, and Done.
func addWG(c *machine.Call) {
	x, ok := at[*WaitGroup](c)
	if !ok {
		return
	}
	number := Value(int64(-1))
	if len(c.Args) > 1 {
		number = c.Args[1]
	}
	m, g, pos, operand := c.M, c.G, c.Pos, c.Operand()
	countable := isCounted(c)
	c.Step(func() Value {
		n, known := int64(uncounted), false
		if _, isNumber := number.(int64); countable || isNumber {
			if k, ok := m.Number(number); ok {
				n, known = k, true
			}
		}
		if x.count == 0 && n > 0 {
			x.missed(m, g, g.Ops-1, pos, operand)
		}
		x.count += n
		switch {
		case !m.Tracing:
		case known:
			m.Note(g, pos, fmt.Sprintf("Add(%d) to %%", n), operand)
		default:
			m.Note(g, pos, "Add to %", operand)
		}
		if x.count < 0 {
			if !x.open {
				m.Crashed(g, negativeCounter, pos, token.NoPos)
			}
			x.count = 0
		}
		return nil
	})
}

// isCounted tells whether the number that c adds is one by which its function counts what it does; see [ir.Counted].
func isCounted(c *machine.Call) bool {
	if c.Common == nil || len(c.Common.Args) < 2 || c.G.Top() == nil {
		return true
	}
	n, known := c.Common.Args[1], survey(c.M).counted
	is, asked := known[n]
	if !asked {
		is = ir.Counted(c.G.Top().Fn.Function, n)
		known[n] = is
	}
	return is
}

// missed notes an Add from zero that is the first thing a goroutine does after a Wait which could as well have come after it.
// A WaitGroup in a struct has more lives than the model sees: there such an Add may be meant for the next Wait.
// before is how many operations g had performed before this one.
func (x *counter) missed(m *machine.Machine, g *machine.G, before int, pos token.Pos, operand ssa.Value) {
	if _, field := operand.(*ssa.FieldAddr); field || x.open {
		return
	}
	for _, l := range x.late {
		if l.g == g && l.ops == before {
			m.Misused(g, lateAdd, pos, l.wait)
		}
	}
}

func goWG(c *machine.Call) {
	if x, ok := at[*WaitGroup](c); ok {
		if x.count == 0 {
			x.missed(c.M, c.G, c.G.Ops, c.Pos, c.Operand())
		}
		x.count++
		c.M.Spawn(c.Args[1], nil, nil, c.Pos).Joins = x
		c.Result(nil)
	}
}

func waitWG(c *machine.Call) {
	if x, ok := at[*WaitGroup](c); ok {
		c.G.Op = &counterWait{c.Site(), &x.counter, x, WaitGroupWait}
	}
}

// counterWait waits until a counter is zero.
type counterWait struct {
	machine.Site
	c    *counter
	of   heap.Content
	kind *machine.WaitKind
}

func (o *counterWait) Ready(*machine.Machine, *machine.G) machine.Readiness {
	switch {
	case o.c.count == 0:
		return machine.Ready
	case o.c.open:
		return machine.Lazy
	}
	return machine.Blocked
}

func (o *counterWait) Perform(m *machine.Machine, g *machine.G) {
	m.Supposed = m.Supposed || o.c.count != 0
	o.c.late = nil
	for _, other := range m.Gs {
		if other.Starter == g && !other.Done && (other.Op == nil || other.Op.Ready(m, other) == machine.Ready) {
			o.c.late = append(o.c.late, latecomer{other, other.Ops, o.Pos})
		}
	}
	m.Note(g, o.Pos, "Wait on % is over", o.Operand)
	o.Complete(nil)
}

func (o *counterWait) Trace(t heap.Tracer) { t.Mark(o.of) }

func (o *counterWait) Hope(alive machine.Alive, _ *machine.G) bool {
	return o.c.open || alive.Has(o.of) || o.c.uncountable()
}

// Help lets a counter that the outside has, or that nobody can count, come to zero.
func (o *counterWait) Help(outside machine.Alive) []func() {
	if o.c.open || !outside.Has(o.of) && !o.c.uncountable() {
		return nil
	}
	return []func(){func() { o.c.open = true }}
}

func (o *counterWait) Wait(*machine.Machine, *machine.G) machine.Wait {
	return machine.Wait{Kind: o.kind}
}
