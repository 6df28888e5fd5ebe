package goroutineleak

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// keptCancels reports unexported fields and package variables of type context.CancelFunc which are set and never read.
func keptCancels(pass *analysis.Pass) {
	set := make(map[*types.Var]token.Pos)
	read := make(map[*types.Var]bool)
	for _, f := range pass.Files {
		written := make(map[*ast.Ident]bool)
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, l := range n.Lhs {
					if id := last(l); id != nil {
						written[id] = true
					}
				}
			case *ast.KeyValueExpr:
				if id, ok := n.Key.(*ast.Ident); ok {
					written[id] = true
				}
			}
			return true
		})
		for id, obj := range pass.TypesInfo.Uses {
			v, ok := obj.(*types.Var)
			if !ok || !candidate(pass, v) || id.Pos() < f.FileStart || id.Pos() > f.FileEnd {
				continue
			}
			if !written[id] {
				read[v] = true
			} else if p, ok := set[v]; !ok || id.Pos() < p {
				set[v] = id.Pos()
			}
		}
	}
	for v, pos := range set {
		if !read[v] && !strings.HasSuffix(pass.Fset.Position(pos).Filename, "_test.go") {
			pass.Reportf(pos, "the cancel function kept in %s is never called: what waits for its context never ends", v.Name())
		}
	}
}

// candidate tells whether v is an unexported field or package variable that holds a cancel function.
func candidate(pass *analysis.Pass, v *types.Var) bool {
	if v.Exported() || v.Pkg() != pass.Pkg || !v.IsField() && v.Parent() != pass.Pkg.Scope() || v.Embedded() {
		return false
	}
	n, ok := types.Unalias(v.Type()).(*types.Named)
	return ok && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == "context" && n.Obj().Name() == "CancelFunc"
}

// last is the identifier that an assignment to e sets.
func last(e ast.Expr) *ast.Ident {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		return e
	case *ast.SelectorExpr:
		return e.Sel
	}
	return nil
}
