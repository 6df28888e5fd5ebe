package lostdeadline

import (
	"go/ast"
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// Framework is the category of findings about a web framework's context. Whether such a context is cancelled with its request
// is decided where the engine is made, which may be another package: stability vet looks there.
const Framework = "framework-context"

// withFallback tells whether the package sets ContextWithFallback of an engine of gin.
func withFallback(pass *analysis.Pass) bool { return SetsFallback(pass.Files...) }

// SetsFallback tells whether one of the files sets a field ContextWithFallback to true.
func SetsFallback(files ...*ast.File) bool {
	found := false
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for i, l := range n.Lhs {
					sel, ok := l.(*ast.SelectorExpr)
					found = found || ok && i < len(n.Rhs) && sel.Sel.Name == "ContextWithFallback" && isTrue(n.Rhs[i])
				}
			case *ast.KeyValueExpr:
				id, ok := n.Key.(*ast.Ident)
				found = found || ok && id.Name == "ContextWithFallback" && isTrue(n.Value)
			}
			return !found
		})
	}
	return found
}

func isTrue(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == "true"
}

// carriesValues tells whether the function takes a context only for the values in it: nothing waits there.
func carriesValues(name string) bool {
	for _, prefix := range []string{"runtime/pprof.", "runtime/trace.", "log/slog.", "(*log/slog.Logger).", "(log/slog.Handler).",
		"(go.opentelemetry.io/otel/metric.", "(go.opentelemetry.io/otel/propagation."} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// cleansUp tells by its name whether a call ends something: it has to be made also when the context has ended.
func cleansUp(call *ast.CallExpr) bool {
	id := funIdent(call)
	return id != nil && slices.ContainsFunc([]string{"Shutdown", "Close", "Stop", "Cleanup", "Clean", "Rollback", "Unlock", "Release", "Delete", "Remove",
		"Flush", "Disconnect", "Kill", "Terminate", "Cancel", "Abort", "Deregister", "Unregister", "Destroy", "Teardown", "TearDown", "Drain", "Revoke", "Hangup", "HangUp", "Logout", "Leave"}, func(word string) bool {
		return strings.HasPrefix(id.Name, word) || strings.HasPrefix(id.Name, strings.ToLower(word[:1])+word[1:])
	})
}

// outlives matches a comment right above a call which says that its context is not the caller's on purpose.
var outlives = regexp.MustCompile(`(?i)\b(outlives?|outliving|background context|detach(ed)?|(should|must|ha(s|ve) to) keep (running|going))\b`)

// keepsCancel tells whether the cancel function that call returns is kept in a field or returned: then the context belongs to
// a value that has a life of its own, and a method that ends it.
func (c *checker) keepsCancel(call *ast.CallExpr) bool {
	var cancel types.Object
	kept := false
	ast.Inspect(c.whole, func(n ast.Node) bool {
		a, ok := n.(*ast.AssignStmt)
		if !ok || len(a.Rhs) != 1 || ast.Unparen(a.Rhs[0]) != call || len(a.Lhs) != 2 {
			return true
		}
		kept = lasting(a.Lhs[1])
		if l, ok := a.Lhs[1].(*ast.Ident); ok {
			cancel = c.pass.TypesInfo.ObjectOf(l)
		}
		return false
	})
	if cancel == nil {
		return kept
	}
	ast.Inspect(c.whole, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, r := range n.Rhs {
				kept = kept || lasting(n.Lhs[min(i, len(n.Lhs)-1)]) && c.carries(r, cancel)
			}
		case *ast.KeyValueExpr:
			kept = kept || c.carries(n.Value, cancel)
		case *ast.ReturnStmt:
			for _, r := range n.Results {
				kept = kept || c.carries(r, cancel)
			}
		}
		return !kept
	})
	return kept
}

// lasting tells whether what is assigned to e stays when the function has returned: e is a field, or an entry of a map or slice.
func lasting(e ast.Expr) bool {
	switch e.(type) {
	case *ast.SelectorExpr, *ast.IndexExpr:
		return true
	}
	return false
}

// carries tells whether e is the variable, or a literal that uses it.
func (c *checker) carries(e ast.Expr, v types.Object) bool {
	lit, ok := ast.Unparen(e).(*ast.FuncLit)
	if !ok {
		return c.isVar(e, v)
	}
	uses := false
	ast.Inspect(lit, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		uses = uses || ok && c.pass.TypesInfo.Uses[id] == v
		return !uses
	})
	return uses
}

// waitsForEnd tells whether the function waits for the end of its context: what it does then must not be given that.
func (c *checker) waitsForEnd() bool {
	found := false
	ast.Inspect(c.whole, func(n ast.Node) bool {
		if u, ok := n.(*ast.UnaryExpr); ok && u.Op == token.ARROW {
			if call, ok := ast.Unparen(u.X).(*ast.CallExpr); ok {
				if sel, ok := call.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Done" {
					found = true
				}
			}
		}
		return !found
	})
	return found
}

// inScope tells whether the name of the context means the parameter at pos, and the function does not give it another value.
func (c *checker) inScope(pos token.Pos) bool {
	if c.ctxVar == nil {
		return false
	}
	scope := c.pass.Pkg.Scope().Innermost(pos)
	if scope == nil {
		return false
	}
	if _, o := scope.LookupParent(c.ctxVar.Name(), pos); o != c.ctxVar {
		return false
	}
	same := true
	ast.Inspect(c.whole, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok {
			for _, l := range a.Lhs {
				same = same && !c.isVar(l, c.ctxVar)
			}
		}
		return same
	})
	return same
}

// sameCall tells whether the call is the same with the context, but for that it ends with it: it is made by the function
// itself, and so is all that comes of it. A process that is started and left must not die with a request.
func (c *checker) sameCall(call *ast.CallExpr, name string) bool {
	if c.apart > 0 || c.waitsForEnd() || !c.inScope(call.Pos()) {
		return false
	}
	if name != "os/exec.Command" {
		return true
	}
	cmd := c.assignedTo(call)
	if cmd == nil {
		return c.runsAtOnce(call)
	}
	fine := true
	ast.Inspect(c.body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			for _, a := range n.Args {
				fine = fine && !c.isVar(a, cmd)
			}
			if sel, ok := n.Fun.(*ast.SelectorExpr); ok && c.isVar(sel.X, cmd) && sel.Sel.Name == "Start" {
				fine = false
			}
		case *ast.ReturnStmt:
			for _, r := range n.Results {
				fine = fine && !c.isVar(r, cmd)
			}
		case *ast.FuncLit:
			ast.Inspect(n, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok && c.pass.TypesInfo.Uses[id] == cmd {
					fine = false
				}
				return fine
			})
			return false
		}
		return fine
	})
	return fine
}

// runsAtOnce tells whether call is the receiver of Run, Output or CombinedOutput, or dropped.
func (c *checker) runsAtOnce(call *ast.CallExpr) bool {
	found := false
	ast.Inspect(c.body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			found = found || ast.Unparen(n.X) == call && slices.Contains([]string{"Run", "Output", "CombinedOutput"}, n.Sel.Name)
		case *ast.ExprStmt:
			found = found || n.X == call
		}
		return !found
	})
	return found
}

// uncancelled reports a call that waits for a connection of a pool with a context which nobody can end: WithoutCancel took the
// deadline away and nothing gave it another. With a connection already in hand that may be meant.
func (c *checker) uncancelled(call *ast.CallExpr, name string) {
	if c.ctx == "" || !takesConnection(name) || len(call.Args) == 0 {
		return
	}
	a := ast.Unparen(call.Args[0])
	if inner, ok := a.(*ast.CallExpr); ok {
		if c.callee(inner) != "context.WithoutCancel" {
			return
		}
	} else if !c.lost(a, call.Pos()) {
		return
	}
	c.pass.Reportf(a.Pos(), "this context has lost its deadline by context.WithoutCancel, and %s waits for a connection of the pool as long as it takes: "+
		"give it a time of its own, context.WithTimeout(context.WithoutCancel(%s), …), or take the connection with %s first", short(name), c.ctx, c.ctx)
}

// lost tells whether the variable e was last assigned a context from WithoutCancel, in the source before pos.
func (c *checker) lost(e ast.Expr, pos token.Pos) bool {
	id, ok := e.(*ast.Ident)
	if !ok {
		return false
	}
	v := c.pass.TypesInfo.ObjectOf(id)
	lost := false
	var last token.Pos
	ast.Inspect(c.whole, func(n ast.Node) bool {
		a, ok := n.(*ast.AssignStmt)
		if !ok || a.Pos() >= pos || a.Pos() < last {
			return true
		}
		for i, l := range a.Lhs {
			if !c.isVar(l, v) {
				continue
			}
			last, lost = a.Pos(), false
			if len(a.Rhs) == len(a.Lhs) {
				inner, ok := ast.Unparen(a.Rhs[i]).(*ast.CallExpr)
				lost = ok && c.callee(inner) == "context.WithoutCancel"
			}
		}
		return true
	})
	return lost
}

// takesConnection tells whether a function takes a connection of a pool for what it does.
func takesConnection(name string) bool {
	recv, method, ok := strings.Cut(name, ").")
	if !ok {
		return false
	}
	switch recv {
	case "(*database/sql.DB", "(*github.com/jmoiron/sqlx.DB", "(*github.com/jackc/pgx/v5/pgxpool.Pool", "(*github.com/jackc/pgx/v4/pgxpool.Pool":
		return strings.HasSuffix(method, "Context") || slices.Contains([]string{"BeginTx", "BeginTxx", "Conn", "Connx", "Query", "QueryRow", "Exec", "Begin", "Acquire", "Ping"}, method)
	}
	return false
}
