package concur

import "golang.org/x/tools/go/ssa"

// The work for one package, in SSA instructions: half a second or so. All else that is done for a large package takes
// longer, so there is less for the search there.
const (
	packageWork  = 1_500_000
	lessPerInstr = 12 // for each instruction of the package
	leastWork    = 500_000
	maxRootWork  = 800_000
	minRootWork  = 1_500 // one run, if it is short
)

// ExploreAll explores the roots of a package, in order, and divides the work for a package among them: each may take an
// even share of what is left, and a little where nothing is left.
func (e *Explorer) ExploreAll(roots []*ssa.Function) []Finding {
	left := max(packageWork-lessPerInstr*e.prog.size, leastWork)
	var out []Finding
	for i, r := range roots {
		e.limits.Work = min(max(left/(len(roots)-i), minRootWork), maxRootWork)
		used := e.used
		out = append(out, e.Explore(r)...)
		left -= e.used - used
	}
	return out
}

// size counts the instructions of fns.
func size(fns []*ssa.Function) int {
	n := 0
	for _, f := range fns {
		for _, b := range f.Blocks {
			n += len(b.Instrs)
		}
	}
	return n
}
