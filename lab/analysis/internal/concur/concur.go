// Package concur is a small model checker for Go functions in SSA form. It runs a function and the goroutines it starts on
// abstract values, tries many interleavings, and reports the runs that end with a goroutine stuck for good or with a panic on
// a channel or lock.
//
// The model is closed where the program is: channels, locks, WaitGroups, Conds, Onces, contexts and timers that the function
// itself makes behave exactly. Whatever comes from elsewhere is unknown and open: it may always let a goroutine go on. So a
// report never rests on an assumption about code that was not seen, only on the choice of branches whose conditions are
// unknown, and equal conditions are always decided alike.
//
// Its parts, each of which knows those before it only:
//
//	ir       functions in SSA form: registers, loops, names
//	facts    what a run has supposed about unknown values, and what follows
//	heap     values and memory
//	machine  a run: goroutines, operations, timers, choices
//	prim     what channels, locks and the other primitives do, one file for each
//	exec     what instructions do
//	reach    which goroutines are stuck for good
//	search   which runs to make, of which functions
//	finding  what to say about it
package concur

import (
	"go/ast"
	"go/token"
	"reflect"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/finding"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/search"
	"github.com/falsifiable/stability/lab/analysis/internal/ssabuild"
)

// Analyzer explores a package once for all analyzers that report what it finds: channelblock, lockorder, goroutineleak.
// Its result is a *[Result]. It reports nothing itself.
var Analyzer = &analysis.Analyzer{
	Name:       "concur",
	Doc:        "explore the interleavings of the functions of a package; used by channelblock, lockorder and goroutineleak",
	Requires:   []*analysis.Analyzer{ssabuild.Analyzer},
	ResultType: reflect.TypeFor[*Result](),
	Run:        run,
}

// Result is what the exploration of a package has shown.
type Result struct {
	findings []finding.Finding
	failures []search.Failure
}

// Of returns the findings about a subject, for an analyzer that requires [Analyzer]. Failures of the model it reports at
// once: each means that findings may be missing.
func Of(pass *analysis.Pass, about machine.Subject) []finding.Finding {
	r := pass.ResultOf[Analyzer].(*Result)
	for _, f := range r.failures {
		pass.Report(finding.Failure(f))
	}
	return slices.DeleteFunc(slices.Clone(r.findings), func(f finding.Finding) bool { return f.Subject() != about })
}

func run(pass *analysis.Pass) (any, error) {
	prog := ssabuild.Of(pass)
	roots := tested(pass, search.Roots(prog.SrcFuncs))
	if len(roots) == 0 {
		return &Result{}, nil
	}
	e := search.New(prog.Pkg, prog.SrcFuncs, search.Limits{})
	results := e.ExploreAll(roots)
	return &Result{finding.Distinct(results), e.Failures}, nil
}

// tested leaves out the functions of test files, unless the package has no others. A test drives the package with fakes
// through paths that the package itself never takes, and its leaks end with it.
func tested(pass *analysis.Pass, roots []*ssa.Function) []*ssa.Function {
	if strings.HasSuffix(pass.Pkg.Name(), "_test") {
		return nil
	}
	inTest := func(p token.Pos) bool { return strings.HasSuffix(pass.Fset.Position(p).Filename, "_test.go") }
	if !slices.ContainsFunc(pass.Files, func(f *ast.File) bool { return !inTest(f.Package) }) {
		return roots
	}
	return slices.DeleteFunc(roots, func(f *ssa.Function) bool { return inTest(f.Pos()) })
}
