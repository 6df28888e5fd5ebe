package prim

import (
	"go/token"
	"go/types"
	"slices"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/heap"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
)

const semaphorePath = "golang.org/x/sync/semaphore"

var _ = define(primitive{
	contents: map[string]content{semaphorePath + ".Weighted": func(_ *heap.Space, _ types.Type, open bool) heap.Content {
		return &Semaphore{open: open}
	}},
	funcs: map[string]function{
		semaphorePath + ".NewWeighted":                 {Makes, newSemaphore},
		"(*" + semaphorePath + ".Weighted).Acquire":    {Waits | Locks, acquire},
		"(*" + semaphorePath + ".Weighted).TryAcquire": {0, tryAcquire},
		"(*" + semaphorePath + ".Weighted).Release":    {0, release},
	},
})

// Semaphore is a semaphore.Weighted: who waits is served in the order of coming, so that large requests get their turn.
type Semaphore struct {
	open       bool // others have it too, in any state
	size, held int64
	guessed    bool // the size is not known: it is what the run has supposed
	waiting    []*acquisition
}

// Acquire is to wait for a semaphore.
var Acquire = &machine.WaitKind{Name: "Acquire", Weight: 2}

var releasedTooMuch = &machine.CrashKind{What: "release of more than is held of a semaphore"}

// Copy copies its state, as an assignment does; nobody waits for the copy.
func (x *Semaphore) Copy() heap.Content { c := *x; c.waiting = nil; return &c }

// Trace has nothing to follow.
func (x *Semaphore) Trace(heap.Tracer) {}

// manyTokens is the size of a semaphore that nobody can count: the program will have chosen it well.
const manyTokens = 1 << 40

func newSemaphore(c *machine.Call) {
	_, exact := integer(c.Args[0])
	size, known := c.M.Number(c.Args[0])
	if !known {
		size = manyTokens
	}
	cell := new(Value)
	*cell = &Semaphore{size: size, guessed: !exact}
	c.Result(cell)
}

func (x *Semaphore) fits(n int64) bool { return x.size-x.held >= n && len(x.waiting) == 0 }

// serve gives their tokens to those who wait, in order, until one needs more than there are.
func (x *Semaphore) serve() {
	for len(x.waiting) > 0 && x.size-x.held >= x.waiting[0].n {
		first := x.waiting[0]
		x.waiting = slices.Clone(x.waiting[1:])
		x.held += first.n
		first.served = true
	}
}

// tokens returns the semaphore of a call and a number among its arguments; a call that cannot be followed is ended.
func tokens(c *machine.Call, arg int) (x *Semaphore, n int64, ok bool) {
	if x, ok = at[*Semaphore](c); !ok {
		return nil, 0, false
	}
	if n, ok = c.M.Number(c.Args[arg]); !ok || n < 0 || x.open {
		c.Opaque()
		return nil, 0, false
	}
	return x, n, true
}

func acquire(c *machine.Call) {
	if x, n, ok := tokens(c, 2); ok {
		done, err := ending(c.M, c.Args[1])
		c.G.Op = &acquisition{Site: c.Site(), x: x, n: n, ctx: end{ch: done}, err: err}
	}
}

func tryAcquire(c *machine.Call) {
	if x, n, ok := tokens(c, 1); ok {
		c.Step(func() Value {
			if !x.fits(n) {
				return false
			}
			x.held += n
			return true
		})
	}
}

func release(c *machine.Call) {
	x, n, ok := tokens(c, 1)
	if !ok {
		return
	}
	m, g, pos, operand := c.M, c.G, c.Pos, c.Operand()
	c.Step(func() Value {
		if x.held < n {
			m.Crashed(g, releasedTooMuch, pos, token.NoPos)
			return nil
		}
		m.Note(g, pos, "Release %", operand)
		x.held -= n
		x.serve()
		return nil
	})
}

// acquisition is Acquire. To come is a step of its own, and so is to get what one has waited for.
type acquisition struct {
	machine.Site
	x       *Semaphore
	n       int64
	ctx     end          // to receive from the Done channel
	err     func() Value // of the context
	waiting bool
	served  bool // it has its tokens
}

func (o *acquisition) Ready(m *machine.Machine, g *machine.G) machine.Readiness {
	if !o.waiting || o.served {
		return machine.Ready
	}
	return o.ctx.ready(m, g)
}

func (o *acquisition) Perform(m *machine.Machine, g *machine.G) {
	x := o.x
	switch {
	case o.ctx.ch != nil && o.ctx.ch.closed:
		o.giveUp()
	case o.served:
		m.Note(g, o.Pos, "Acquire %", o.Operand)
		o.Complete(nil)
	case o.waiting: // the outside ends the context
		o.ctx.ch.closed, o.ctx.ch.foreign = true, true
		o.giveUp()
	case x.fits(o.n):
		x.held += o.n
		m.Note(g, o.Pos, "Acquire %", o.Operand)
		o.Complete(nil)
	case o.n > x.size && x.guessed:
		m.Impossible() // the program will have made it large enough
	default:
		o.waiting = true
		if o.n <= x.size { // else it waits for the context only, and keeps nobody from being served
			x.waiting = append(x.waiting, o)
		}
		m.Note(g, o.Pos, "begins to wait for Acquire %", o.Operand)
		g.Op = o
	}
}

// giveUp returns the error of the context, and gives tokens back.
func (o *acquisition) giveUp() {
	if o.served {
		o.x.held -= o.n
	}
	o.x.waiting = slices.DeleteFunc(slices.Clone(o.x.waiting), func(w *acquisition) bool { return w == o })
	o.x.serve()
	o.Complete(o.err())
}

func (o *acquisition) Trace(t heap.Tracer) {
	t.Mark(o.x)
	o.ctx.trace(t)
}

func (o *acquisition) Hope(alive machine.Alive, _ *machine.G) bool {
	return o.n <= o.x.size && alive.Has(o.x) || o.ctx.hope(alive)
}

func (o *acquisition) Wait(*machine.Machine, *machine.G) machine.Wait {
	return machine.Wait{Kind: Acquire}
}
