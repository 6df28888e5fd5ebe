package lockorder

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/locks"
)

// longest is the number of locks in a ring up to which one is looked for: longer ones are rare, and hard to believe.
const longest = 4

// rings returns the rings of edges that begin with e, each taking what the next one holds, and the last what e holds. A ring
// is found from the edge whose held lock has the first name. One in which two neighbors make a ring by themselves says no
// more than that.
func (g *graph) rings(e edge) (rings [][]edge) {
	first := e.held.String()
	var extend func(path []edge)
	extend = func(path []edge) {
		end := path[len(path)-1].taken
		switch {
		case end == e.held:
			if g.blocks(path) != nil && (len(path) == 2 || !slices.ContainsFunc(path, g.both)) {
				rings = append(rings, slices.Clone(path))
			}
			return
		case cmp.Less(end.String(), first) || len(path) == longest || slices.ContainsFunc(path, func(p edge) bool { return p.held == end }):
			return
		}
		for _, next := range g.order {
			if next.held == end {
				extend(append(path, next))
			}
		}
	}
	extend([]edge{e})
	return rings
}

// both tells whether the locks of e are also taken in the other order.
func (g *graph) both(e edge) bool { return g.edges[edge{e.taken, e.held}] != nil }

// blocks returns places, one for each edge of the ring, at which goroutines can stand at once, each waiting for the next;
// nil if there are none: a lock that two of them hold keeps them apart, or readers pass each other.
func (g *graph) blocks(ring []edge) []witness {
	var choose func(chosen []witness) []witness
	choose = func(chosen []witness) []witness {
		i := len(chosen)
		if i == len(ring) {
			if g.waits(chosen) {
				return slices.Clone(chosen)
			}
			return nil
		}
		for _, w := range g.edges[ring[i]] {
			if slices.ContainsFunc(chosen, func(o witness) bool { return common(w.others, o.others) }) {
				continue
			}
			if found := choose(append(chosen, w)); found != nil {
				return found
			}
		}
		return nil
	}
	return choose(nil)
}

// waits tells whether each of the ring waits for the next one. Where all are readers they pass each other, unless somebody wants
// each of the locks for himself: his waiting holds up new readers.
func (g *graph) waits(ring []witness) bool {
	readers := true
	for _, w := range ring {
		readers = readers && w.taken.mode == locks.Shared && w.held.Mode == locks.Shared
	}
	return !readers || !slices.ContainsFunc(ring, func(w witness) bool { return g.writers[w.taken.lock.Class()] == nil })
}

func common(a, b []locks.Class) bool {
	return slices.ContainsFunc(a, func(x locks.Class) bool { return slices.Contains(b, x) })
}

func (g *graph) report(pass *analysis.Pass, ring []edge) {
	at := g.blocks(ring)
	d := analysis.Diagnostic{Pos: at[0].at}
	var says []string
	for i, w := range at {
		says = append(says, w.says(ring[i]))
		d.Related = append(d.Related, analysis.RelatedInformation{Pos: w.held.Taken.Pos(), Message: w.fn.Name() + " takes " + ring[i].names().held + " here"})
		if w.taken.pos != d.Pos {
			d.Related = append(d.Related, analysis.RelatedInformation{Pos: w.taken.pos, Message: "and then " + ring[i].names().taken + " here"})
		}
	}
	if len(ring) == 2 {
		back := at[1]
		d.Message = fmt.Sprintf("%s; %s takes them in the other order%s: when both run, each waits for the other", says[0], back.fn.Name(), back.taken.through())
	} else {
		d.Message = strings.Join(says, "; ") + ": when all of them run, each waits for the next"
	}
	if writer := g.writer(at); writer != nil {
		d.Message += fmt.Sprintf(", because a writer (%s) that waits holds up new readers", writer.Name())
	}
	d.Message += "; take them in one order everywhere, or release the first before the second"
	pass.Report(d)
}

func (w witness) says(e edge) string {
	names := e.names()
	return w.fn.Name() + " takes " + names.taken + w.taken.through() + " while it holds " + names.held
}

// named is an edge for a reader.
type named struct{ held, taken string }

// names returns short names for the two locks, if these tell them apart.
func (e edge) names() named {
	if held, taken := e.held.Short(), e.taken.Short(); held != taken {
		return named{held, taken}
	}
	return named{e.held.String(), e.taken.String()}
}

// writer returns a third party without whom two of the ring would pass each other as readers, if one is needed.
func (g *graph) writer(ring []witness) *ssa.Function {
	for i, w := range ring {
		if w.taken.mode == locks.Shared && ring[(i+1)%len(ring)].held.Mode == locks.Shared {
			return g.writers[w.taken.lock.Class()]
		}
	}
	return nil
}
