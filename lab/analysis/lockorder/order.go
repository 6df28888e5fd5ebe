package lockorder

import (
	"go/token"
	"slices"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/locks"
	"github.com/falsifiable/stability/lab/analysis/internal/ssabuild"
)

// edge says that a lock was taken while another one was held.
type edge struct{ held, taken locks.Class }

// witness is a place where that happens.
type witness struct {
	fn     *ssa.Function
	at     token.Pos // where it takes the second lock, or calls who does
	held   locks.Held
	taken  deed
	others []locks.Class // what else was held
}

// graph is the lock order of one package.
type graph struct {
	*deeds
	edges   map[edge][]witness
	order   []edge
	writers map[locks.Class]*ssa.Function // who takes the lock for writing
}

// mostWitnesses is how many places are kept for one edge: the first may be harmless, by a common lock or as a reader, where
// another is not.
const mostWitnesses = 4

// orders reports locks that the package takes in orders which contradict each other. A lock is named by the type and the
// field it is in; two locks count only where both belong to one value, or one of them is a package variable, so that the same
// two locks are meant.
func orders(pass *analysis.Pass) {
	g := &graph{deeds: newDeeds(), edges: make(map[edge][]witness), writers: make(map[locks.Class]*ssa.Function)}
	for _, f := range ssabuild.Functions(pass) {
		g.function(f)
	}
	for _, e := range g.order {
		for _, ring := range g.rings(e) {
			g.report(pass, ring)
		}
	}
}

// function adds the edges of f. A lock that f was entered with is seen where it was taken.
func (g *graph) function(f *ssa.Function) {
	g.walker.Walk(f, func(in ssa.Instruction, s locks.State) {
		c, ok := in.(ssa.CallInstruction)
		if _, started := in.(*ssa.Go); !ok || started {
			return
		}
		if op := locks.OpOf(c); op.Action == locks.Take && op.Mode == locks.Exclusive && g.writers[op.Lock.Class()] == nil {
			g.writers[op.Lock.Class()] = f
		}
		if len(s.Must) == 0 {
			return
		}
		for _, d := range g.at(c) {
			if d.calls == nil {
				g.add(f, c.Pos(), s.Must, d)
			}
		}
	})
}

func (g *graph) add(f *ssa.Function, at token.Pos, held []locks.Held, d deed) {
	taken := d.lock.Class()
	if taken == (locks.Class{}) {
		return
	}
	for i, h := range held {
		e := edge{h.Lock.Class(), taken}
		if h.Taken == nil || e.held == (locks.Class{}) || e.held == taken || slices.Contains(d.freed, h.Lock) || !together(h.Lock, d.lock) {
			continue
		}
		w := witness{fn: f, at: at, held: h, taken: d}
		for j, o := range held {
			if class := o.Lock.Class(); j != i && class != (locks.Class{}) {
				w.others = append(w.others, class)
			}
		}
		if g.edges[e] == nil {
			g.order = append(g.order, e)
		}
		if len(g.edges[e]) < mostWitnesses {
			g.edges[e] = append(g.edges[e], w)
		}
	}
}

// together tells whether two places name the same two locks in each function that names them so.
func together(a, b locks.Place) bool { return a.Root == b.Root || a.Global() || b.Global() }
