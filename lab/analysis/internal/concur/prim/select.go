package prim

import (
	"go/token"
	"go/types"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/heap"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
)

// selection is a select statement.
type selection struct {
	machine.Site
	ends  []end
	block bool // it has no default
}

// Select is a select statement; val gives the values of registers.
func Select(m *machine.Machine, in *ssa.Select, val func(ssa.Value) Value, done func(Value)) machine.Op {
	o := &selection{Site: machine.Site{Pos: in.Pos(), Done: done}, block: in.Blocking}
	for _, s := range in.States {
		e := end{send: s.Dir == types.SendOnly, ch: ChanOf(m, val(s.Chan)), pos: s.Pos, operand: s.Chan}
		if e.send {
			e.val = heap.Copy(val(s.Send))
		}
		o.ends = append(o.ends, e)
	}
	for _, r := range *in.Referrers() {
		if x, ok := r.(*ssa.Extract); ok && x.Index == 1 {
			o.asked(x)
		}
	}
	return o
}

// asked notes which receive the flag of a closed channel is read for: the one into whose branch it leads.
func (o *selection) asked(flag *ssa.Extract) {
	for b := flag.Block(); len(b.Preds) == 1; b = b.Preds[0] {
		if i, ok := chosenBy(b, flag.Tuple); ok && i < int64(len(o.ends)) {
			o.ends[i].asks = true
			return
		}
	}
	for i := range o.ends {
		o.ends[i].asks = true
	}
}

// chosenBy returns the index of the case that leads to b, the only predecessor of which compares it.
func chosenBy(b *ssa.BasicBlock, choice ssa.Value) (int64, bool) {
	from := b.Preds[0]
	cond, ok := from.Instrs[len(from.Instrs)-1].(*ssa.If)
	if !ok || from.Succs[0] != b {
		return 0, false
	}
	cmp, ok := cond.Cond.(*ssa.BinOp)
	if !ok || cmp.Op != token.EQL {
		return 0, false
	}
	x, ok := cmp.X.(*ssa.Extract)
	i, isConst := cmp.Y.(*ssa.Const)
	if !ok || !isConst || x.Tuple != choice || x.Index != 0 {
		return 0, false
	}
	return i.Int64(), true
}

func (o *selection) Ready(m *machine.Machine, g *machine.G) machine.Readiness {
	if !o.block {
		return machine.Ready
	}
	if len(o.ends) == 0 {
		return machine.Forever
	}
	best := machine.Blocked
	for i := range o.ends {
		r := o.ends[i].ready(m, g)
		if r == machine.Ready {
			return r
		}
		best = max(best, r)
	}
	return best
}

// noCase is the index of the default.
const noCase = -1

func (o *selection) Perform(m *machine.Machine, g *machine.G) {
	ways := o.ways(m, g)
	if len(ways) == 0 {
		g.Op = o
		return
	}
	// The usual choice is another one every other time: else a server would never be told to stop.
	i := ways[(m.Turn(o.Pos)/2+m.Choose(len(ways)))%len(ways)]
	if i == noCase {
		m.Note(g, o.Pos, "select takes default", nil)
		g.Yielded = true
		o.Complete(o.result(noCase, nil, false))
		return
	}
	e := &o.ends[i]
	o.note(m, g, i)
	if e.send {
		e.deliver(m, g)
		o.Complete(o.result(i, nil, false))
		return
	}
	v, ok := e.take(m, g)
	o.Complete(o.result(i, v, ok))
}

// ways returns the cases that can be taken.
func (o *selection) ways(m *machine.Machine, g *machine.G) []int {
	var ways, lazy []int
	definite := false
	for i := range o.ends {
		switch e := &o.ends[i]; e.ready(m, g) {
		case machine.Ready:
			ways = append(ways, i)
			// A partner that is about to arrive may also come too late for a select with default.
			definite = definite || e.definite()
		case machine.Lazy:
			lazy = append(lazy, i)
		}
	}
	if !o.block && !definite {
		ways = append(ways, noCase)
	}
	return append(ways, lazy...)
}

func (o *selection) note(m *machine.Machine, g *machine.G, i int) {
	e := &o.ends[i]
	if e.send {
		m.Note(g, e.pos, "select sends on %", e.operand)
	} else {
		m.Note(g, e.pos, "select receives from %", e.operand)
	}
}

// result is the tuple of a select: index, whether a value was received, and one value for each receiving case.
func (o *selection) result(chosen int, v Value, ok bool) heap.Tuple {
	t := heap.Tuple{int64(chosen), ok}
	for i := range o.ends {
		switch {
		case o.ends[i].send:
		case i == chosen:
			t = append(t, v)
		default:
			t = append(t, nil)
		}
	}
	return t
}

func (o *selection) side(ch *Chan, send bool) int {
	for i := range o.ends {
		if o.ends[i].ch == ch && o.ends[i].send == send {
			return i
		}
	}
	return -1
}

func (o *selection) end(i int) *end { return &o.ends[i] }

func (o *selection) complete(m *machine.Machine, g *machine.G, i int, v Value, ok bool) {
	o.note(m, g, i)
	o.Complete(o.result(i, v, ok))
}

func (o *selection) Trace(t heap.Tracer) {
	for i := range o.ends {
		o.ends[i].trace(t)
	}
}

func (o *selection) Hope(alive machine.Alive, _ *machine.G) bool {
	for i := range o.ends {
		if o.ends[i].hope(alive) {
			return true
		}
	}
	return false
}

func (o *selection) Help(outside machine.Alive) (acts []func()) {
	for i := range o.ends {
		acts = append(acts, o.ends[i].help(outside)...)
	}
	return acts
}

func (o *selection) Wait(*machine.Machine, *machine.G) machine.Wait {
	w := machine.Wait{Kind: WaitSelect, Context: len(o.ends) > 0}
	for i := range o.ends {
		w.Context = w.Context && o.ends[i].isSignal()
	}
	return w
}
