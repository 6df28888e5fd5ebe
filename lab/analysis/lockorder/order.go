package lockorder

import (
	"go/token"
	"iter"
	"maps"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/locks"
	"github.com/falsifiable/stability/lab/analysis/internal/ssabuild"
)

// edge says that a lock was taken while another one was held.
type edge struct{ held, taken string }

// witness is a place where that happens.
type witness struct {
	pos    token.Pos
	fn     *ssa.Function
	read   bool     // the taken lock is for reading
	others []string // what else was held
}

// taking is a lock that a function takes, in its own terms: "x.mu" for parameter x, "@mu" for a package variable.
type taking struct {
	path string
	read bool
}

// graph is the lock order of one package.
type graph struct {
	edges map[edge]witness
	order []edge
	takes map[*ssa.Function][]taking // by function, once it is learned

	walker *locks.Walker
}

// orders reports locks that the package takes in orders which contradict each other. A lock is named by the type and the
// field it is in; two locks count only where both belong to one value, or one of them is a package variable, so that the same
// two locks are meant.
func orders(pass *analysis.Pass) {
	prog := ssabuild.Of(pass)
	g := &graph{edges: make(map[edge]witness), takes: make(map[*ssa.Function][]taking), walker: locks.NewWalker()}
	for _, f := range prog.SrcFuncs {
		if !strings.HasSuffix(pass.Fset.Position(f.Pos()).Filename, "_test.go") {
			g.function(f)
		}
	}
	for _, e := range g.order {
		for _, ring := range g.rings(e) {
			g.report(pass, ring)
		}
	}
}

// function adds the edges of f.
func (g *graph) function(f *ssa.Function) {
	g.walker.Walk(f, func(in ssa.Instruction, held []string) {
		c, ok := in.(*ssa.Call)
		if !ok || len(held) == 0 {
			return
		}
		if lock, _, read := locks.Call(c); lock != "" {
			g.add(f, held[:len(held)-1], taking{lock, read}, c.Pos())
			return
		}
		g.learn(callee(c))
		for _, t := range g.translated(c) {
			g.add(f, held, t, c.Pos())
		}
	})
}

// translated returns the locks that the callee of c takes, in the caller's terms, as far as they are known.
func (g *graph) translated(c *ssa.Call) []taking {
	f := callee(c)
	var out []taking
	for _, t := range g.takes[f] {
		if strings.HasPrefix(t.path, "@") {
			out = append(out, t)
			continue
		}
		for i, p := range f.Params {
			if rest, ok := strings.CutPrefix(t.path, p.Name()+"."); ok && i < len(c.Call.Args) {
				out = append(out, taking{locks.Path(c.Call.Args[i]) + "." + rest, t.read})
			}
		}
	}
	return out
}

// callee returns the function of the same package that c calls, or nil.
func callee(c *ssa.Call) *ssa.Function {
	if f := c.Call.StaticCallee(); f != nil && f.Pkg == c.Parent().Pkg {
		return f
	}
	return nil
}

// rounds bounds what is learned about functions that call each other: each round goes one call deeper into the recursion,
// and where that goes along a list, the path of the lock grows for ever.
const rounds = 3

// learn fills in the locks that f takes, and whatever it calls within the package.
func (g *graph) learn(f *ssa.Function) {
	var unknown []*ssa.Function // callees before callers
	var visit func(f *ssa.Function)
	visit = func(f *ssa.Function) {
		if _, ok := g.takes[f]; ok || f == nil {
			return
		}
		g.takes[f] = nil
		for c := range calls(f) {
			visit(callee(c))
		}
		unknown = append(unknown, f)
	}
	visit(f)
	for changed, round := true, 0; changed && round < rounds; round++ {
		changed = false
		for _, f := range unknown {
			before := len(g.takes[f])
			g.takes[f] = g.summary(f)
			changed = changed || len(g.takes[f]) != before
		}
	}
}

// summary returns the locks that f takes by itself, and those of its callees that are known.
func (g *graph) summary(f *ssa.Function) []taking {
	set := make(map[taking]bool)
	for c := range calls(f) {
		if lock, _, read := locks.Call(c); lock != "" {
			set[taking{lock, read}] = true
		}
		for _, t := range g.translated(c) {
			set[t] = true
		}
	}
	return slices.SortedFunc(maps.Keys(set), func(a, b taking) int { return strings.Compare(a.path, b.path) })
}

// calls yields the calls in f.
func calls(f *ssa.Function) iter.Seq[*ssa.Call] {
	return func(yield func(*ssa.Call) bool) {
		for _, b := range f.Blocks {
			for _, in := range b.Instrs {
				if c, ok := in.(*ssa.Call); ok && !yield(c) {
					return
				}
			}
		}
	}
}

func (g *graph) add(f *ssa.Function, held []string, t taking, pos token.Pos) {
	taken, base := locks.Class(f, t.path)
	if taken == "" {
		return
	}
	for i, h := range held {
		name, owner := locks.Class(f, h)
		e := edge{name, taken}
		if name == "" || name == taken || owner != base && owner != global && base != global {
			continue
		}
		if _, ok := g.edges[e]; ok {
			continue
		}
		var others []string
		for j, o := range held {
			if n, _ := locks.Class(f, o); j != i && n != "" {
				others = append(others, n)
			}
		}
		g.edges[e] = witness{pos, f, t.read, others}
		g.order = append(g.order, e)
	}
}
