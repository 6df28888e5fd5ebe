package comments

import (
	"go/ast"
	"go/parser"
	"go/token"
	"testing"

	"golang.org/x/tools/go/analysis"
)

func TestAbove(t *testing.T) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "a.go", `package a

// first
var a = 1 // beside

// one
// and two
var b = 2

// too far

var c = 3
`, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	pass := &analysis.Pass{Fset: fset, Files: []*ast.File{f}}
	for i, want := range []string{"first\n", "one\nand two\n", ""} {
		if got := Above(pass, f.Decls[i].Pos()); got != want {
			t.Errorf("above declaration %d stands %q, want %q", i, got, want)
		}
	}
}
