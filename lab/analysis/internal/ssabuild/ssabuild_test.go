package ssabuild

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"testing"

	"golang.org/x/tools/go/analysis"
)

// pass returns a pass over one file with the result of Analyzer.
func pass(t *testing.T, src string) *analysis.Pass {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "a.go", src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	info := &types.Info{Types: make(map[ast.Expr]types.TypeAndValue), Defs: make(map[*ast.Ident]types.Object),
		Uses: make(map[*ast.Ident]types.Object), Implicits: make(map[ast.Node]types.Object), Instances: make(map[*ast.Ident]types.Instance),
		Scopes: make(map[ast.Node]*types.Scope), Selections: make(map[*ast.SelectorExpr]*types.Selection), FileVersions: make(map[*ast.File]string)}
	pkg, err := (&types.Config{Importer: importer.ForCompiler(fset, "source", nil)}).Check("a", fset, []*ast.File{f}, info)
	if err != nil {
		t.Fatal(err)
	}
	p := &analysis.Pass{Analyzer: Analyzer, Fset: fset, Files: []*ast.File{f}, Pkg: pkg, TypesInfo: info}
	result, err := Analyzer.Run(p)
	if err != nil {
		t.Fatal(err)
	}
	p.ResultOf = map[*analysis.Analyzer]any{Analyzer: result}
	return p
}

func TestSourceFunctions(t *testing.T) {
	p := pass(t, `package a

import "strings"

type T struct{}

func b() { func() { strings.ToUpper("x") }() }
func (T) m() {}
func _() {}
func init() {}
func generic[P any](P) {}
`)
	s := Of(p)
	var got string
	for _, f := range s.SrcFuncs {
		got += f.Name() + " "
		if len(f.Blocks) == 0 {
			t.Errorf("%s has no body", f.Name())
		}
	}
	if want := "b m init#1 generic "; got != want {
		t.Errorf("functions %q, want %q", got, want)
	}
	if s.Pkg.Func("b") == nil {
		t.Error("the package does not know b")
	}
	if again := Of(p); again != s {
		t.Error("the package is built anew for each analyzer")
	}
}

func TestEmpty(t *testing.T) {
	if s := Of(pass(t, "package a\n")); len(s.SrcFuncs) != 0 || s.Pkg == nil {
		t.Errorf("%+v", s)
	}
}
