package panicpath

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
)

// swallows reports a recover in the body of a deferred function that leaves no trace of the panic.
func (c *checker) swallows(body *ast.BlockStmt) {
	values := make(map[types.Object]ast.Expr) // r := recover(), where r is used once
	for i, s := range body.List {
		switch s := s.(type) {
		case *ast.ExprStmt:
			c.dropped(s.X)
		case *ast.AssignStmt:
			if len(s.Lhs) != 1 || len(s.Rhs) != 1 {
				continue
			}
			if id, ok := s.Lhs[0].(*ast.Ident); ok && id.Name == "_" {
				c.dropped(s.Rhs[0])
			} else if ok && c.uses(body, c.pass.TypesInfo.ObjectOf(id)) == 1 {
				values[c.pass.TypesInfo.ObjectOf(id)] = s.Rhs[0]
			}
		case *ast.IfStmt:
			if s.Else == nil && c.quiet(s.Body, i == len(body.List)-1) {
				c.dropped(c.recovered(s, values))
			}
		}
	}
}

// uses counts where body uses o.
func (c *checker) uses(body *ast.BlockStmt, o types.Object) (n int) {
	ast.Inspect(body, func(x ast.Node) bool {
		if id, ok := x.(*ast.Ident); ok && c.pass.TypesInfo.Uses[id] == o {
			n++
		}
		return true
	})
	return n
}

// recovered returns the call of recover whose value s compares with nil: in its condition, in its init statement, or
// before.
func (c *checker) recovered(s *ast.IfStmt, values map[types.Object]ast.Expr) ast.Expr {
	b, ok := s.Cond.(*ast.BinaryExpr)
	if !ok || b.Op != token.NEQ || !c.pass.TypesInfo.Types[b.Y].IsNil() {
		return nil
	}
	id, ok := b.X.(*ast.Ident)
	if !ok {
		return b.X
	}
	if a, ok := s.Init.(*ast.AssignStmt); ok && len(a.Rhs) == 1 {
		return a.Rhs[0]
	}
	return values[c.pass.TypesInfo.ObjectOf(id)]
}

// quiet tells whether body tells nobody of the panic: all it does is to return, which is nothing at the end of the function,
// or to set results to nothing. A bool may be the answer that tells, and nil too, unless it is the error.
func (c *checker) quiet(body *ast.BlockStmt, atEnd bool) bool {
	for _, s := range body.List {
		switch s := s.(type) {
		case *ast.ReturnStmt:
			if !atEnd {
				return false
			}
		case *ast.AssignStmt:
			for i, l := range s.Lhs {
				if _, ok := l.(*ast.Ident); !ok || len(s.Lhs) != len(s.Rhs) || s.Tok != token.ASSIGN || !c.nothing(l, s.Rhs[i]) {
					return false
				}
			}
		default:
			return false
		}
	}
	return true
}

// nothing tells whether v, assigned to l, is zero, the empty string or no error.
func (c *checker) nothing(l, v ast.Expr) bool {
	t := c.pass.TypesInfo.Types[v]
	switch {
	case t.IsNil():
		return types.Identical(c.pass.TypesInfo.TypeOf(l), types.Universe.Lookup("error").Type())
	case t.Value == nil:
		return false
	case t.Value.Kind() == constant.String:
		return constant.StringVal(t.Value) == ""
	case t.Value.Kind() == constant.Bool:
		return false
	}
	return constant.Sign(t.Value) == 0
}

func (c *checker) dropped(e ast.Expr) {
	if call, ok := ast.Unparen(e).(*ast.CallExpr); ok && c.name(call) == "recover" {
		c.pass.Reportf(call.Pos(), "this recover throws the panic away without a trace: log it with its stack, and count it")
	}
}
