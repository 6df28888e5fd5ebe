// Package ssabuild builds the SSA form of a package for other analyzers. It differs from x/tools' buildssa in that it
// needs no facts about dependencies, so that go vet runs the analyzers on the packages asked for and on no others.
package ssabuild

import (
	"go/ast"
	"go/types"
	"reflect"
	"sync"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"
)

// SSA is a package in SSA form. Only the bodies of Pkg are built.
type SSA struct {
	Pkg *ssa.Package
	// SrcFuncs are the functions and methods declared in the source files, in source order.
	SrcFuncs []*ssa.Function
}

// Analyzer offers the SSA form of a package; see [Of].
var Analyzer = &analysis.Analyzer{
	Name:       "ssabuild",
	Doc:        "build SSA form for other analyzers",
	ResultType: reflect.TypeFor[func() *SSA](),
	Run: func(pass *analysis.Pass) (any, error) {
		return sync.OnceValue(func() *SSA { return build(pass) }), nil
	},
}

// Of returns the SSA form of the package that pass is about. The analyzer of pass must require [Analyzer]. The form is
// built when it is first asked for, because an analyzer with facts runs on every dependency and rarely needs it there.
func Of(pass *analysis.Pass) *SSA { return pass.ResultOf[Analyzer].(func() *SSA)() }

func build(pass *analysis.Pass) *SSA {
	prog := ssa.NewProgram(pass.Fset, ssa.BuilderMode(0))
	created := make(map[*types.Package]bool)
	var create func([]*types.Package)
	create = func(pkgs []*types.Package) {
		for _, p := range pkgs {
			if !created[p] {
				created[p] = true
				prog.CreatePackage(p, nil, nil, true)
				create(p.Imports())
			}
		}
	}
	create(pass.Pkg.Imports())
	pkg := prog.CreatePackage(pass.Pkg, pass.Files, pass.TypesInfo, false)
	pkg.Build()
	s := &SSA{Pkg: pkg}
	for _, f := range pass.Files {
		for _, d := range f.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Name.Name != "_" {
				if fn, ok := pass.TypesInfo.Defs[d.Name].(*types.Func); ok {
					if f := prog.FuncValue(fn); f != nil {
						s.SrcFuncs = append(s.SrcFuncs, f)
					}
				}
			}
		}
	}
	return s
}
