package lockset

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/analysis"
)

// spins reports loops that wait for a plain variable by reading it over and over.
func spins(pass *analysis.Pass) {
	for _, f := range pass.Files {
		ast.Inspect(f, func(n ast.Node) bool {
			s, ok := n.(*ast.ForStmt)
			if !ok || s.Cond == nil || s.Init != nil || s.Post != nil || len(s.Body.List) > 1 {
				return true
			}
			if len(s.Body.List) == 1 && !yields(pass, s.Body.List[0]) {
				return true
			}
			if v := spunOn(pass, s.Cond); v != nil {
				pass.Reportf(s.Pos(), "this loop spins on %s, a plain variable: nothing orders the read with the write, so it may never end and what follows may see old values; use an atomic type or a channel", v.Name())
			}
			return true
		})
	}
}

func yields(pass *analysis.Pass, s ast.Stmt) bool {
	e, ok := s.(*ast.ExprStmt)
	if !ok {
		return false
	}
	call, ok := e.X.(*ast.CallExpr)
	if !ok {
		return false
	}
	name := types.ExprString(call.Fun)
	return name == "runtime.Gosched" || name == "time.Sleep"
}

// spunOn returns the shared variable that cond reads, if it reads nothing else and calls nothing.
func spunOn(pass *analysis.Pass, cond ast.Expr) *types.Var {
	var v *types.Var
	pure := true
	ast.Inspect(cond, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr, *ast.UnaryExpr, *ast.IndexExpr:
			if u, ok := n.(*ast.UnaryExpr); !ok || u.Op != token.NOT {
				pure = false
			}
		case *ast.Ident:
			if x, ok := pass.TypesInfo.Uses[n].(*types.Var); ok && (x.IsField() || x.Parent() == pass.Pkg.Scope()) {
				v = x
			}
		}
		return true
	})
	if !pure || v == nil {
		return nil
	}
	if _, ok := v.Type().Underlying().(*types.Basic); !ok {
		return nil
	}
	return v
}
