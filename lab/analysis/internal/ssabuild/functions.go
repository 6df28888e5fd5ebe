package ssabuild

import (
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"
)

// Functions returns the functions of the package with the literals in them, each after the one that it stands in, without
// those of test files.
func Functions(pass *analysis.Pass) []*ssa.Function {
	var out []*ssa.Function
	var add func(f *ssa.Function)
	add = func(f *ssa.Function) {
		out = append(out, f)
		for _, literal := range f.AnonFuncs {
			add(literal)
		}
	}
	for _, f := range Of(pass).SrcFuncs {
		if len(f.Blocks) > 0 && !strings.HasSuffix(pass.Fset.Position(f.Pos()).Filename, "_test.go") {
			add(f)
		}
	}
	return out
}
