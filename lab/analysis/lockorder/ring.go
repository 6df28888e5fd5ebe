package lockorder

import (
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// global is what locks.Class calls the owner of a lock in a package variable.
const global = "@"

// longest is the number of locks in a ring up to which one is looked for: longer ones are rare, and hard to believe.
const longest = 4

// rings returns the rings of edges that begin with e, each taking what the next one holds, and the last what e holds. A ring
// is found from the edge whose held lock has the first name. One in which two neighbours make a ring by themselves says no
// more than that.
func (g *graph) rings(e edge) (rings [][]edge) {
	var extend func(path []edge)
	extend = func(path []edge) {
		end := path[len(path)-1].taken
		switch {
		case end == e.held:
			if g.blocks(path) && (len(path) == 2 || !slices.ContainsFunc(path, g.both)) {
				rings = append(rings, slices.Clone(path))
			}
			return
		case end < e.held || len(path) == longest || slices.ContainsFunc(path, func(p edge) bool { return p.held == end }):
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
func (g *graph) both(e edge) bool {
	_, back := g.edges[edge{e.taken, e.held}]
	return back
}

// blocks tells whether goroutines can stand at all places of the ring at once: no lock that two of them hold keeps them
// apart, and not all are readers.
func (g *graph) blocks(ring []edge) bool {
	readers := 0
	for i, e := range ring {
		w := g.edges[e]
		if w.read {
			readers++
		}
		for _, other := range ring[:i] {
			if common(w.others, g.edges[other].others) {
				return false
			}
		}
	}
	return readers < len(ring)
}

func common(a, b []string) bool {
	return slices.ContainsFunc(a, func(x string) bool { return slices.Contains(b, x) })
}

func (g *graph) report(pass *analysis.Pass, ring []edge) {
	first := g.edges[ring[0]]
	d := analysis.Diagnostic{Pos: first.pos,
		Message: first.fn.Name() + " takes " + short(ring[0].taken) + " while it holds " + short(ring[0].held)}
	if len(ring) == 2 {
		back := g.edges[ring[1]]
		d.Message += "; " + back.fn.Name() + " takes them in the other order: when both run, each waits for the other"
		d.Related = []analysis.RelatedInformation{{Pos: back.pos, Message: "the other order"}}
		pass.Report(d)
		return
	}
	for _, e := range ring[1:] {
		w := g.edges[e]
		what := w.fn.Name() + " takes " + short(e.taken) + " while it holds " + short(e.held)
		d.Message += "; " + what
		d.Related = append(d.Related, analysis.RelatedInformation{Pos: w.pos, Message: what})
	}
	d.Message += ": when all of them run, each waits for the next"
	pass.Report(d)
}

func short(class string) string {
	return strings.TrimPrefix(class[strings.LastIndexByte(class, '/')+1:], "@")
}
