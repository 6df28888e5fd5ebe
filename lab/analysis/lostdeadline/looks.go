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

// otherwise tells whether list ends with a return that is reached when a condition before it does not hold:
// if busy(err) { continue }; return err.
func (w *watch) otherwise(list []ast.Stmt) bool {
	if len(list) == 0 || !leaves(list[len(list)-1]) {
		return false
	}
	for _, s := range list[:len(list)-1] {
		if s, ok := s.(*ast.IfStmt); ok && s.Else == nil && continues(s.Body) && w.shows(s.Cond, false) {
			return true
		}
	}
	return false
}

func continues(b *ast.BlockStmt) bool {
	if len(b.List) == 0 {
		return false
	}
	s, ok := b.List[len(b.List)-1].(*ast.BranchStmt)
	return ok && s.Tok == token.CONTINUE
}

// cases is looks for a switch: over conditions, or over an error.
func (w *watch) cases(s *ast.SwitchStmt) bool {
	var others []ast.Expr
	var rest *ast.CaseClause
	onErr := s.Tag != nil && w.isErr(s.Tag)
	for _, c := range s.Body.List {
		c := c.(*ast.CaseClause)
		if c.List == nil {
			rest = c
			continue
		}
		for _, e := range c.List {
			if s.Tag == nil && leavesAll(c.Body) && w.shows(e, true) || onErr && leavesAll(c.Body) && w.ended(e) {
				return true
			}
		}
		others = append(others, c.List...)
	}
	if rest == nil || !leavesAll(rest.Body) {
		return false
	}
	for _, e := range others {
		if s.Tag == nil && w.shows(e, false) {
			return true
		}
	}
	return onErr
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
		return equal == w.ended(e.Y)
	}
	return false
}

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
	o := w.pass.TypesInfo.ObjectOf(sel.Sel)
	return o != nil && o.Pkg() != nil && o.Pkg().Path() == "context"
}

// predicate is shows for a call. A function of an error may know a context's error; one that is given nothing but the
// context asks it, and so may a function of the package whose body asks. Of another that is given the context we know
// that it fails when the context has ended.
func (w *watch) predicate(call *ast.CallExpr, is bool) bool {
	switch w.callee(call) {
	case "errors.Is":
		return w.isErr(call.Args[0]) && is == w.ended(call.Args[1])
	case "errors.As":
		return w.isErr(call.Args[0]) && !is
	}
	only := true
	for _, a := range call.Args {
		if w.isErr(a) {
			return true
		}
		only = only && w.carries(a)
	}
	if sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok && w.flags[w.pkg.fields.object(sel.X)] {
		return true
	}
	if !w.withBound(call) {
		return false
	}
	body := w.pkg.bodies[typeutil.StaticCallee(w.pass.TypesInfo, call)]
	return !is || body != nil && w.asks(body) || body == nil && only
}
