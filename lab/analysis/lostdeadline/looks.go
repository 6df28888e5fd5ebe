package lostdeadline

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/types/typeutil"
)

// looks tells whether the loop, which goes on while cond holds, learns that the context has ended: it asks, or something
// that it gave the context to ends it.
func (w *watch) looks(loop ast.Stmt, cond ast.Expr) bool {
	w.errs = make(map[types.Object]bool)
	w.results(loop, w.errs, true)
	found := w.asks(loop) || cond != nil && w.shows(cond, false)
	ast.Inspect(loop, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.IfStmt:
			found = found || leaves(n.Body) && w.shows(n.Cond, true) || n.Else != nil && leaves(n.Else) && w.shows(n.Cond, false)
		case *ast.BlockStmt:
			found = found || w.otherwise(n.List)
		case *ast.SwitchStmt:
			found = found || w.cases(n)
		}
		return !found
	})
	return found
}

// otherwise tells whether list ends with a return that is reached when no condition before it holds:
// if err == nil { continue }; return err.
func (w *watch) otherwise(list []ast.Stmt) bool {
	if len(list) == 0 || !leaves(list[len(list)-1]) {
		return false
	}
	var conds []ast.Expr
	for _, s := range list[:len(list)-1] {
		if s, ok := s.(*ast.IfStmt); ok && s.Else == nil && continues(s.Body) {
			conds = append(conds, s.Cond)
		}
	}
	return w.none(conds)
}

// none tells whether none of the conditions holds when the context has ended.
func (w *watch) none(conds []ast.Expr) bool {
	for _, e := range conds {
		if !w.shows(e, false) {
			return false
		}
	}
	return len(conds) > 0
}

func continues(b *ast.BlockStmt) bool {
	if len(b.List) == 0 {
		return false
	}
	s, ok := b.List[len(b.List)-1].(*ast.BranchStmt)
	return ok && s.Tok == token.CONTINUE
}

// cases is looks for a switch: over conditions, or over an error, which is then compared with each case.
func (w *watch) cases(s *ast.SwitchStmt) bool {
	var others []ast.Expr
	rest := false
	for _, c := range s.Body.List {
		c := c.(*ast.CaseClause)
		rest = rest || c.List == nil && leavesAll(c.Body)
		for _, e := range c.List {
			if s.Tag != nil {
				e = &ast.BinaryExpr{X: s.Tag, Op: token.EQL, Y: e}
			}
			if leavesAll(c.Body) && w.shows(e, true) {
				return true
			}
			others = append(others, e)
		}
	}
	return rest && w.none(others)
}

func leavesAll(list []ast.Stmt) bool { return leaves(&ast.BlockStmt{List: list}) }

// leaves tells whether n may leave the loop around it.
func leaves(n ast.Node) bool {
	found := false
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ReturnStmt:
			found = true
		case *ast.BranchStmt:
			found = found || n.Tok == token.BREAK || n.Tok == token.GOTO
		case *ast.CallExpr:
			if id := funIdent(n); id != nil {
				found = found || id.Name == "panic" || id.Name == "Exit" || strings.HasPrefix(id.Name, "Fatal")
			}
		}
		return !found
	})
	return found
}

// shows tells whether cond comes to be as is says when the context ends.
func (w *watch) shows(cond ast.Expr, is bool) bool {
	switch e := ast.Unparen(cond).(type) {
	case *ast.UnaryExpr:
		return e.Op == token.NOT && w.shows(e.X, !is)
	case *ast.BinaryExpr:
		return w.compares(e, is)
	case *ast.CallExpr:
		return w.predicate(e, is)
	case *ast.Ident:
		o := w.pass.TypesInfo.ObjectOf(e)
		return w.flags[o] || w.bound[o] && !is
	}
	return false
}

func (w *watch) compares(e *ast.BinaryExpr, is bool) bool {
	switch e.Op {
	case token.LAND, token.LOR:
		x, y := w.shows(e.X, is), w.shows(e.Y, is)
		if is == (e.Op == token.LAND) {
			return x && y
		}
		return x || y
	case token.EQL, token.NEQ:
		if !w.isErr(e.X) {
			return false
		}
		equal := is == (e.Op == token.EQL)
		return equal && w.ended(e.Y) || !equal && w.isNil(e.Y)
	}
	return false
}

func (w *watch) isNil(e ast.Expr) bool { return w.pass.TypesInfo.Types[e].IsNil() }

// isErr tells whether e is the error of a call that was given the context.
func (w *watch) isErr(e ast.Expr) bool {
	if call, ok := ast.Unparen(e).(*ast.CallExpr); ok {
		return isError(w.pass.TypesInfo.TypeOf(e)) && w.withBound(call)
	}
	id, ok := ast.Unparen(e).(*ast.Ident)
	return ok && w.errs[w.pass.TypesInfo.ObjectOf(id)]
}

// ended tells whether e is one of the errors of an ended context.
func (w *watch) ended(e ast.Expr) bool {
	sel, ok := ast.Unparen(e).(*ast.SelectorExpr)
	if !ok {
		return false
	}
	v, ok := w.pass.TypesInfo.ObjectOf(sel.Sel).(*types.Var)
	return ok && v.Pkg() != nil && v.Pkg().Path() == "context"
}

// predicate is shows for a call. What is given nothing but the context asks it, and so may a function of the package whose
// body asks, and one of another package that is given the error. Of another that is given the context we know that it fails
// when the context has ended.
func (w *watch) predicate(call *ast.CallExpr, is bool) bool {
	name := w.callee(call)
	if name == "errors.Is" {
		return is && w.isErr(call.Args[0]) && w.ended(call.Args[1])
	}
	body := w.pkg.bodies[typeutil.StaticCallee(w.pass.TypesInfo, call)]
	only := true
	for _, a := range call.Args {
		if w.isErr(a) {
			return name != "errors.As" && (body == nil || w.names(body))
		}
		only = only && w.carries(a)
	}
	if sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok && w.flags[w.pkg.fields.object(sel.X)] {
		return true
	}
	if !w.withBound(call) {
		return false
	}
	return !is || body != nil && w.asks(body) || body == nil && only
}

// names tells whether the function names one of the errors of an ended context.
func (w *watch) names(body *ast.BlockStmt) bool {
	found := false
	ast.Inspect(body, func(n ast.Node) bool {
		e, ok := n.(ast.Expr)
		found = found || ok && w.ended(e)
		return !found
	})
	return found
}
