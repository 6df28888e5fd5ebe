package lostdeadline

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"
)

// readAll reports io.ReadAll(x.Body) of a request or a response, unless x.Body was replaced before: by a reader with a
// limit, as a rule. A decompressor has none.
func (c *checker) readAll(call *ast.CallExpr) {
	sel, ok := ast.Unparen(call.Args[0]).(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != "Body" {
		return
	}
	t := deref(c.pass.TypesInfo.TypeOf(sel.X))
	if !named(t, "net/http", "Request") && !named(t, "net/http", "Response") || c.pkg.fields.limitsAll(t) || c.ownRequest(sel.X) ||
		c.pkg.fields.assigned(c.pkg.fields.object(sel.X), "Body", call.Pos()) {
		return
	}
	c.pass.Reportf(call.Pos(), "ReadAll of a body without a limit: the peer decides how much memory it takes; use http.MaxBytesReader or io.LimitReader")
}

// limitsAll tells whether the package limits the bodies of values of type t on their way to code that it does not know: in
// a middleware that hands the request on, or a RoundTripper that returns the response.
func (f *fields) limitsAll(t types.Type) bool {
	for x, as := range f.set {
		if types.Identical(deref(x.Type()), t) && (f.open[x] || f.returned[x]) &&
			slices.ContainsFunc(as, func(a assignment) bool { return a.name == "Body" && a.limit }) {
			return true
		}
	}
	return named(t, "net/http", "Request") && f.maxBytes
}

// limits tells whether e makes a reader with a limit.
func (f *fields) limits(e ast.Expr) bool {
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			switch id.Name {
			case "MaxBytesReader", "LimitReader", "LimitedReader":
				found = true
			}
		}
		return !found
	})
	return found
}

// decompressor tells whether t is a reader of one of the packages compress/...
func decompressor(t types.Type) bool {
	n, ok := types.Unalias(deref(t)).(*types.Named)
	return ok && n.Obj().Pkg() != nil && strings.HasPrefix(n.Obj().Pkg().Path(), "compress/")
}
