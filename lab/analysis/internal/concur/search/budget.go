package search

import (
	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
)

// Limits bound the search of one root. The zero value means the defaults.
type Limits struct {
	machine.Limits
	// Runs is the number of runs. Defaults to 3,000.
	Runs int
	// Work is the amount of work, in the unit of an instruction, over all runs. Defaults to 800,000.
	Work int
}

// The defaults. A run of the kernels and of most code takes a few hundred instructions; one that takes 20,000 spins.
const (
	defaultSteps  = 20_000
	defaultPoints = 300
	defaultRuns   = 3_000
	defaultWork   = 800_000
)

func (l Limits) orDefault() Limits {
	orDefault := func(n *int, value int) {
		if *n == 0 {
			*n = value
		}
	}
	orDefault(&l.Steps, defaultSteps)
	orDefault(&l.Points, defaultPoints)
	orDefault(&l.Runs, defaultRuns)
	orDefault(&l.Work, defaultWork)
	return l
}

// Work is counted in SSA instructions; other things cost as much as so many of them, by profiles of the search.
const (
	workPerPoint  = 20 // for a choice of who goes on
	valuesPerWork = 2  // that the judge looks at
)

// The work for one package: half a second or so (docs/guide/vet-measured.md, "Time"). All else that is done for a large package takes longer, so there is less
// for the search there.
const (
	packageWork        = 1_500_000
	lessPerInstruction = 12 // of the package
	leastPackageWork   = 500_000
	mostRootWork       = defaultWork
	leastRootWork      = 1_500 // one run, if it is short
)

// ExploreAll explores the roots of a package, in order, and divides the work for a package among them: each may take an even
// share of what is left, and a little where nothing is left.
func (e *Explorer) ExploreAll(roots []*ssa.Function) []Result {
	left := max(packageWork-lessPerInstruction*e.size, leastPackageWork)
	var out []Result
	for i, r := range roots {
		e.limits.Work = min(max(left/(len(roots)-i), leastRootWork), mostRootWork)
		used := e.used
		out = append(out, e.Explore(r)...)
		left -= e.used - used
	}
	return out
}
