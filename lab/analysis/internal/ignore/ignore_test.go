package ignore

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/tools/go/analysis"
)

// lines reports a finding on every line of a file that calls f, and returns those that get through.
func lines(t *testing.T, name, src string) []string {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "a.go", src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	a := Wrap(&analysis.Analyzer{Name: name, Run: func(pass *analysis.Pass) (any, error) {
		ast.Inspect(pass.Files[0], func(n ast.Node) bool {
			if c, ok := n.(*ast.CallExpr); ok {
				pass.Report(analysis.Diagnostic{Pos: c.Pos(), Message: "f is called"})
			}
			return true
		})
		return nil, nil
	}})
	var got []string
	_, err = a.Run(&analysis.Pass{Analyzer: a, Fset: fset, Files: []*ast.File{file}, Report: func(d analysis.Diagnostic) {
		got = append(got, strconv.Itoa(fset.Position(d.Pos).Line)+" "+d.Message)
	}})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func Test(t *testing.T) {
	const head = "package a\n\nfunc g() {\n"
	for _, c := range []struct {
		name, analyzer, body string
		want                 []string
	}{
		{"none", "leak", "f()\n", []string{"4 f is called"}},
		{"same line", "leak", "f() //stability:ignore leak it ends with the process\n", nil},
		{"line before", "leak", "//stability:ignore leak it ends with the process\nf()\n", nil},
		{"too far", "leak", "//stability:ignore leak it ends with the process\n\nf()\n", []string{"6 f is called"}},
		{"another analyzer", "leak", "f() //stability:ignore lock a reason\n", []string{"4 f is called"}},
		{"no reason", "leak", "f() //stability:ignore leak\n", []string{"4 stability:ignore leak needs a reason", "4 f is called"}},
		{"no name", "leak", "f() //stability:ignore\n", []string{"4 f is called"}},
		{"by cause", "lock_copies", "f() //stability:ignore lock a reason\n", nil},
		{"by full name", "lock_copies", "f() //stability:ignore lock_copies a reason\n", nil},
		{"not a sibling", "lock_copies", "f() //stability:ignore lock_order a reason\n", []string{"4 f is called"}},
		{"one of two", "leak", "f() //stability:ignore leak a reason\n\nf()\n", []string{"6 f is called"}},
	} {
		if got := lines(t, c.analyzer, head+c.body+"}\n"); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestWrapLeavesTheOriginal(t *testing.T) {
	a := &analysis.Analyzer{Name: "leak", Run: func(*analysis.Pass) (any, error) { return "mine", nil }}
	if Wrap(a) == a {
		t.Error("the analyzer itself was changed")
	}
}
