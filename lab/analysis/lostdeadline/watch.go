package lostdeadline

import (
	"go/ast"
	"go/token"
	"go/types"
)

// watch knows by what a function can tell that its context has ended.
type watch struct {
	*checker
	// bound holds the variables that a call given a context, or something bound, returned: done channels, streams, rows.
	bound map[types.Object]bool
	// flags holds the variables that a function literal changes when the context ends.
	flags map[types.Object]bool
	// errs holds the errors of calls that are given a context, for the loop that is looked at.
	errs map[types.Object]bool
}

func newWatch(c *checker) *watch {
	w := &watch{checker: c, bound: make(map[types.Object]bool), flags: make(map[types.Object]bool)}
	w.results(c.whole, w.bound, false)
	ast.Inspect(c.whole, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			if w.asks(n.Body) {
				w.raise(n)
			}
		case *ast.CallExpr:
			if lit, ok := last(n.Args).(*ast.FuncLit); ok && c.callee(n) == "context.AfterFunc" {
				w.raise(lit)
			}
		}
		return true
	})
	return w
}

func last(args []ast.Expr) ast.Expr {
	if len(args) == 0 {
		return nil
	}
	return ast.Unparen(args[len(args)-1])
}

// results adds to set the variables that hold results of calls with something bound: the errors, or all others.
func (w *watch) results(in ast.Node, set map[types.Object]bool, errs bool) {
	add := func(i int, l ast.Expr, lhs int, rhs []ast.Expr) {
		if len(rhs) != 1 && len(rhs) != lhs || !w.source(rhs[min(i, len(rhs)-1)]) {
			return
		}
		if id, ok := l.(*ast.Ident); ok {
			if o := w.pass.TypesInfo.ObjectOf(id); o != nil && isError(o.Type()) == errs {
				set[o] = true
			}
		}
	}
	ast.Inspect(in, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, l := range n.Lhs {
				add(i, l, len(n.Lhs), n.Rhs)
			}
		case *ast.ValueSpec:
			for i, id := range n.Names {
				add(i, id, len(n.Names), n.Values)
			}
		}
		return true
	})
}

// source tells whether e is a call with something bound, or a function literal that asks a context.
func (w *watch) source(e ast.Expr) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.CallExpr:
		return w.withBound(e)
	case *ast.FuncLit:
		return w.asks(e.Body)
	}
	return false
}

// raise notes the variables that lit, which runs when the context ends, assigns, closes or calls a method of.
func (w *watch) raise(lit *ast.FuncLit) {
	note := func(e ast.Expr) {
		if o := w.pkg.fields.object(e); o != nil && (o.Pos() < lit.Pos() || o.Pos() > lit.End()) {
			w.flags[o] = true
		}
	}
	ast.Inspect(lit.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, l := range n.Lhs {
				note(l)
			}
		case *ast.CallExpr:
			if sel, ok := n.Fun.(*ast.SelectorExpr); ok {
				note(sel.X)
			} else if id, ok := n.Fun.(*ast.Ident); ok && id.Name == "close" {
				note(n.Args[0])
			}
		}
		return true
	})
}

// carries tells whether e is a context, bound to one, a request, which has one, or its ResponseWriter, which fails with it.
func (w *watch) carries(e ast.Expr) bool {
	t := w.pass.TypesInfo.TypeOf(e)
	if t == nil {
		return false
	}
	if isContext(t) || named(deref(t), "net/http", "Request") || named(t, "net/http", "ResponseWriter") {
		return true
	}
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		return w.bound[w.pass.TypesInfo.ObjectOf(e)]
	case *ast.CallExpr:
		return w.withBound(e)
	}
	return false
}

func isContext(t types.Type) bool { return named(t, "context", "Context") || framework(t) }

func isError(t types.Type) bool {
	return t != nil && types.Identical(t, types.Universe.Lookup("error").Type())
}

// withBound tells whether call has something bound as an argument, as its receiver, or as what is called.
func (w *watch) withBound(call *ast.CallExpr) bool {
	if w.pass.TypesInfo.Types[call.Fun].IsBuiltin() || signature(w.pass.TypesInfo, call) == nil {
		return false
	}
	for _, a := range call.Args {
		if w.carries(a) {
			return true
		}
	}
	if sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok {
		return w.carries(sel.X)
	}
	return w.carries(call.Fun)
}

// asks tells whether n asks a context, any context, whether it has ended. Function literals in n run at other times.
func (w *watch) asks(n ast.Node) bool {
	found := false
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.SelectorExpr:
			switch n.Sel.Name {
			case "Err", "Done", "Deadline":
				t := w.pass.TypesInfo.TypeOf(n.X)
				found = found || t != nil && isContext(t)
			}
		case *ast.CallExpr:
			found = found || w.callee(n) == "context.Cause"
		case *ast.UnaryExpr:
			found = found || n.Op == token.ARROW && (w.carries(n.X) || w.flags[w.pkg.fields.object(n.X)])
		}
		return !found
	})
	return found
}
