package goroutineleak

import (
	_ "embed"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/concur"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/ir"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
	"github.com/falsifiable/stability/lab/analysis/internal/docs"
	"github.com/falsifiable/stability/lab/analysis/internal/ssabuild"
)

//go:embed doc.go
var doc string

// Analyzer reports goroutines without a way out.
var Analyzer = &analysis.Analyzer{
	Name:     "goroutineleak",
	Doc:      docs.Extract(doc),
	URL:      docs.URL("goroutineleak"),
	Requires: []*analysis.Analyzer{concur.Analyzer, ssabuild.Analyzer},
	Run:      run,
}

func run(pass *analysis.Pass) (any, error) {
	for _, f := range concur.Of(pass, machine.Contexts) {
		f.Report(pass)
	}
	keptCancels(pass)
	prog := ssabuild.Of(pass)
	users := usersIn(prog.Pkg, prog.SrcFuncs)
	chans := ir.ChanUses(ir.Functions(prog.SrcFuncs))
	for _, f := range prog.SrcFuncs {
		functions(f, func(f *ssa.Function) {
			if strings.HasSuffix(pass.Fset.Position(f.Pos()).Filename, "_test.go") {
				return
			}
			groups(pass, f)
			for _, b := range f.Blocks {
				for _, in := range b.Instrs {
					if g, ok := in.(*ssa.Go); ok {
						endless(pass, g, users, chans)
					}
				}
			}
		})
	}
	return nil, nil
}

// functions calls visit for f and the function literals in it.
func functions(f *ssa.Function, visit func(*ssa.Function)) {
	visit(f)
	for _, a := range f.AnonFuncs {
		functions(a, visit)
	}
}

// groups reports errgroups that are given work and never waited for.
func groups(pass *analysis.Pass, f *ssa.Function) {
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			v, ok := in.(ssa.Value)
			if !ok || !strings.HasSuffix(v.Type().String(), "golang.org/x/sync/errgroup.Group") || v.Referrers() == nil {
				continue
			}
			switch in.(type) {
			case *ssa.Alloc, *ssa.Extract:
			default:
				continue
			}
			gos, others := 0, 0
			for _, r := range *v.Referrers() {
				c, ok := r.(ssa.CallInstruction)
				switch {
				case ok && c.Common().StaticCallee() != nil && (c.Common().StaticCallee().Name() == "Go" || c.Common().StaticCallee().Name() == "TryGo"):
					gos++
				case ok && c.Common().StaticCallee() != nil && c.Common().StaticCallee().Name() == "SetLimit":
				case isDebug(r):
				default:
					others++
				}
			}
			if gos > 0 && others == 0 {
				pos := in.Pos()
				if e, ok := in.(*ssa.Extract); ok {
					pos = e.Tuple.Pos()
				}
				pass.Reportf(pos, "this errgroup starts goroutines and nobody waits for it: their errors are lost, and its context is never cancelled")
			}
		}
	}
}

func isDebug(in ssa.Instruction) bool {
	_, ok := in.(*ssa.DebugRef)
	return ok
}
