// Package reach judges which goroutines are stuck for good, by what can be reached, as a garbage collector finds it. It is the
// rule of the runtime's goroutine leak profile: a goroutine is stuck when nothing that may still run, and nothing outside of
// the model, can reach what it waits for.
package reach

import (
	"slices"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/arena"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/facts"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/heap"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
)

// Judge finds what can be reached. Its memory is used again from one question to the next; it is not safe for concurrent use.
type Judge struct {
	reached map[any]bool
	running map[*machine.G]bool
	// Looked counts the values that Stuck has looked at, over all questions.
	Looked int
}

// Stuck returns the goroutines of m that are blocked for good.
func (j *Judge) Stuck(m *machine.Machine) []*machine.G {
	if !slices.ContainsFunc(m.Gs, m.Waits) {
		return nil
	}
	j.begin(m)
	for _, t := range m.Timers {
		if t.Active {
			t.Keeps(j)
		}
	}
	for _, g := range m.Gs {
		if !g.Done && !m.Waits(g) {
			j.revive(g)
		}
		if g.Joins != nil {
			g.Joins.Undecided(j)
		}
	}
	m.Globals(func(c *heap.Value) { j.Mark(c) })
	for j.spread(m) {
	}
	j.Looked += len(j.reached)
	var stuck []*machine.G
	for _, g := range m.Gs {
		if !g.Done && !j.running[g] {
			stuck = append(stuck, g)
		}
	}
	return stuck
}

// Help returns what code outside of the model can do, given what it was given: it completes operations on channels, and lets
// WaitGroups come to zero. See [machine.Machine.Helper].
func (j *Judge) Help(m *machine.Machine) (acts []func()) {
	j.begin(m)
	for _, g := range m.Gs {
		if o, ok := g.Op.(machine.Helped); ok && !g.Done && !g.Parked {
			acts = append(acts, o.Help(j)...)
		}
	}
	return acts
}

// begin starts with what the outside has.
func (j *Judge) begin(m *machine.Machine) {
	j.reached, j.running = arena.Emptied(j.reached), arena.Emptied(j.running)
	for _, v := range m.Outside {
		j.Mark(v)
	}
}

// spread adds what becomes reachable by what is; it returns false when there is nothing to add.
func (j *Judge) spread(m *machine.Machine) (more bool) {
	for _, t := range m.Timers { // who holds a timer that is stopped may start it again
		if t.Cell != nil && j.reached[t.Cell] && j.first(t) {
			t.Keeps(j)
			more = true
		}
	}
	for _, g := range m.Gs {
		if !g.Done && !j.running[g] && g.Op.Hope(j, g) {
			j.revive(g)
			more = true
		}
	}
	return more
}

// Has tells whether something alive can act on o.
func (j *Judge) Has(o heap.Object) bool { return j.reached[o] }

// Goroutine tells whether g may still run.
func (j *Judge) Goroutine(g *machine.G) bool { return j.running[g] }

// revive notes that g may still run, and follows all that it can reach.
func (j *Judge) revive(g *machine.G) {
	j.running[g] = true
	if g.Joins != nil {
		j.Mark(g.Joins)
	}
	for _, f := range g.Frames {
		f.Fn.LiveAt(f.Block, f.PC, func(register int) { j.Mark(f.Regs[register]) })
		if f.Model != nil && f.Model.Keeps != nil {
			j.Mark(f.Model.Keeps)
		}
		for _, d := range f.Defers {
			j.Mark(d.Fn)
			j.Each(d.Args)
		}
	}
	if g.Op != nil {
		g.Op.Trace(j)
	}
}

// Mark follows v. Values without an identity of their own are followed wherever they lie, objects once.
func (j *Judge) Mark(v heap.Value) {
	switch v := v.(type) {
	case nil, bool, int64, float64, string, *ssa.Function, *ssa.Builtin:
	case heap.Struct:
		j.cells(v)
	case heap.Array:
		j.cells(v)
	case heap.Slice:
		j.cells(v)
	case heap.Tuple:
		j.Each(v)
	case heap.Iface:
		j.Mark(v.Val)
	case *heap.Value:
		if j.first(v) {
			j.Mark(*v)
		}
	case *facts.Term:
		if j.first(v) {
			heap.TraceTerm(v, j)
		}
	case heap.Object:
		if p, ok := v.(heap.Passive); ok && p.Passive() {
			return
		}
		if j.first(v) {
			v.Trace(j)
		}
	}
}

// Each follows each of vs.
func (j *Judge) Each(vs []heap.Value) {
	for _, v := range vs {
		j.Mark(v)
	}
}

// Act notes that something alive may act on o.
func (j *Judge) Act(o heap.Object) { j.reached[o] = true }

// cells follows the cells of a struct, an array or a slice: somebody may hold a pointer to one.
func (j *Judge) cells(vs []heap.Value) {
	for i := range vs {
		j.Mark(&vs[i])
	}
}

func (j *Judge) first(v any) bool {
	was := j.reached[v]
	j.reached[v] = true
	return !was
}
