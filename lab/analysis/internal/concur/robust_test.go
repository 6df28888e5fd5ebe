package concur

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/tools/go/ssa"
	"golang.org/x/tools/go/ssa/ssautil"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/search"
)

// mutate changes one thing in f: it drops a statement, repeats one, swaps two, or turns a condition.
func mutate(f *ast.File, r *rand.Rand) {
	var lists []*[]ast.Stmt
	var conds []*ast.IfStmt
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BlockStmt:
			if len(n.List) > 0 {
				lists = append(lists, &n.List)
			}
		case *ast.IfStmt:
			conds = append(conds, n)
		}
		return true
	})
	if len(lists) == 0 {
		return
	}
	l := lists[r.IntN(len(lists))]
	i := r.IntN(len(*l))
	switch r.IntN(4) {
	case 0:
		*l = append((*l)[:i:i], (*l)[i+1:]...)
	case 1:
		*l = append((*l)[:i+1:i+1], (*l)[i:]...)
	case 2:
		j := r.IntN(len(*l))
		(*l)[i], (*l)[j] = (*l)[j], (*l)[i]
	case 3:
		if len(conds) > 0 {
			c := conds[r.IntN(len(conds))]
			c.Cond = &ast.UnaryExpr{Op: token.NOT, X: &ast.ParenExpr{X: c.Cond}}
		}
	}
}

// TestMutants explores mutants of the kernels: whatever still type-checks, the model must neither panic nor hang.
// With MUTANTS set to anything it tries sixty of each instead of two.
func TestMutants(t *testing.T) {
	dir := filepath.Join(goroot(t), "src/runtime/testdata/testgoroutineleakprofile/goker")
	files, _ := filepath.Glob(filepath.Join(dir, "*.go"))
	if len(files) == 0 {
		t.Fatal("this toolchain has no GoKer kernels: use a whole distribution of Go 1.26")
	}
	each := 2
	if os.Getenv("MUTANTS") != "" {
		each = 60
	}
	r := rand.New(rand.NewPCG(1, 2))
	tried := 0
	for _, name := range files {
		if filepath.Base(name) == "main.go" {
			continue
		}
		for range each {
			var asts []*ast.File
			for _, n := range []string{name, filepath.Join(dir, "main.go")} {
				f, err := parser.ParseFile(fset, n, nil, parser.SkipObjectResolution)
				if err != nil {
					t.Fatal(err)
				}
				asts = append(asts, f)
			}
			for range 1 + r.IntN(3) {
				mutate(asts[0], r)
			}
			pkg, _, err := ssautil.BuildPackage(&types.Config{Importer: imp, Error: func(error) {}}, fset,
				types.NewPackage("main", "main"), asts, ssa.BuilderMode(0))
			if err != nil {
				continue // the mutant does not compile
			}
			tried++
			e := search.New(pkg, nil, search.Limits{Runs: 40, Work: 40_000})
			for _, m := range pkg.Members {
				if f, ok := m.(*ssa.Function); ok {
					e.Explore(f)
				}
			}
			for _, f := range e.Failures {
				t.Errorf("%s, a mutant of %s: the model failed: %v\n%s", f.Root, name, f.Value, f.Stack)
			}
		}
	}
	t.Logf("%d mutants explored", tried)
	if tried == 0 {
		t.Error("no mutant compiles")
	}
}
