package lostdeadline

import (
	"go/ast"
	"go/types"
	"regexp"
	"strings"

	"golang.org/x/tools/go/analysis"

	"github.com/falsifiable/stability/lab/analysis/internal/requests"
)

// makes matches the names of functions that make a request to be sent.
var makes = regexp.MustCompile(`(?i)^(new|build|make|create|prepare|with|clone)`)

// ownRequest tells whether e is a request that this program sends itself, whose body is its own: a local variable with the result
// of a function that makes one, or a parameter in a package that serves no requests.
func (c *checker) ownRequest(e ast.Expr) bool {
	x, ok := c.pkg.fields.object(e).(*types.Var)
	if !ok || x.IsField() || !named(deref(x.Type()), "net/http", "Request") {
		return false
	}
	if x.Kind() == types.ParamVar {
		return !c.pkg.serves
	}
	made, other := false, false
	ast.Inspect(c.whole, func(n ast.Node) bool {
		as, ok := n.(*ast.AssignStmt)
		if !ok {
			return true
		}
		for i, l := range as.Lhs {
			if c.pkg.fields.object(l) != x || x == nil {
				continue
			}
			r := as.Rhs[min(i, len(as.Rhs)-1)]
			if call, ok := ast.Unparen(r).(*ast.CallExpr); ok && makes.MatchString(calledName(call)) {
				made = true
			} else {
				other = true
			}
		}
		return true
	})
	return made && !other
}

// calledName is the last name of what is called, "" for anything but a name.
func calledName(call *ast.CallExpr) string {
	switch f := ast.Unparen(call.Fun).(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// servesRequests tells whether the package, without its tests, has a function that serves requests.
func servesRequests(pass *analysis.Pass) bool {
	for _, obj := range pass.TypesInfo.Defs {
		if v, ok := obj.(*types.Var); ok && v.Kind() == types.ParamVar && requests.Param(v.Type()) && !strings.HasSuffix(pass.Fset.Position(v.Pos()).Filename, "_test.go") {
			return true
		}
	}
	return false
}
