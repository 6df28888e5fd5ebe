package lostdeadline

import (
	"go/ast"
	"go/token"
	"go/types"
)

// loop reports a loop that sleeps and does not look at the context.
func (c *checker) loop(s ast.Stmt, cond ast.Expr, body *ast.BlockStmt) {
	if c.ctx == "" || c.paused[s] {
		return
	}
	if c.watch == nil {
		c.watch = newWatch(c)
	}
	if c.watch.looks(s, cond) {
		c.pause(body)
		return
	}
	if sleep := c.sleep(body); sleep != nil {
		c.pass.Reportf(sleep.Pos(), "this loop sleeps without looking at %s: it goes on after the caller has given up", c.ctx)
	}
}

// elements tells whether x, of a range clause, is something to count through. What comes from a channel or an iterator ends
// when its other side says so.
func (c *checker) elements(x ast.Expr) bool {
	t := c.pass.TypesInfo.TypeOf(x)
	if t == nil {
		return false
	}
	switch deref(t).Underlying().(type) {
	case *types.Basic, *types.Slice, *types.Array, *types.Map:
		return true
	}
	return false
}

// pause excuses the range loops in body, part of a loop that looks at the context in each round: they end by themselves.
func (c *checker) pause(body *ast.BlockStmt) {
	if c.paused == nil {
		c.paused = make(map[ast.Node]bool)
	}
	ast.Inspect(body, func(n ast.Node) bool {
		if r, ok := n.(*ast.RangeStmt); ok {
			c.paused[r] = true
		}
		return true
	})
}

// sleep returns what waits in body for some time: time.Sleep, or a receive from time.After outside of a select. Loops in it
// are looked at by themselves.
func (c *checker) sleep(body *ast.BlockStmt) (found ast.Node) {
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit, *ast.ForStmt, *ast.RangeStmt:
			return false
		case *ast.CommClause:
			for _, s := range n.Body {
				if inner := c.sleep(&ast.BlockStmt{List: []ast.Stmt{s}}); inner != nil {
					found = inner
				}
			}
			return false
		case *ast.CallExpr:
			if c.callee(n) == "time.Sleep" {
				found = n
			}
		case *ast.UnaryExpr:
			if call, ok := ast.Unparen(n.X).(*ast.CallExpr); ok && n.Op == token.ARROW && c.callee(call) == "time.After" {
				found = n
			}
		}
		return true
	})
	return found
}
