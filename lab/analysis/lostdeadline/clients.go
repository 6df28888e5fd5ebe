package lostdeadline

import (
	"go/ast"
	"go/types"
	"slices"

	"golang.org/x/tools/go/analysis"
)

// requestsBounded tells whether the package makes requests with a context.
func requestsBounded(pass *analysis.Pass) bool {
	for _, o := range pass.TypesInfo.Uses {
		if f, ok := o.(*types.Func); ok && f.Pkg() != nil && f.Pkg().Path() == "net/http" &&
			slices.Contains([]string{"net/http.NewRequestWithContext", "(*net/http.Request).WithContext"}, f.FullName()) {
			return true
		}
	}
	return false
}

// bound is what is known of the requests that a client makes.
type bound int

const (
	unsure  bound = iota
	bounded       // each has a context
	free          // one has none
)

// client judges a client by its own requests: those of its neighbors say nothing about it.
func (f *fields) client(lit *ast.CompositeLit) bound {
	x := f.homes[lit]
	if x == nil {
		return unsure
	}
	if f.unbounded[x] {
		return free
	}
	if f.escaped[x] || f.requests[x] == 0 {
		return unsure
	}
	return bounded
}

// use notes what is done with an http.Client in the function with that body.
func (f *fields) use(body *ast.BlockStmt) {
	sent := make(map[*ast.Ident]bool)
	ast.Inspect(body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
		if !ok || !named(deref(f.typeOf(sel.X)), "net/http", "Client") {
			return true
		}
		x := f.object(sel.X)
		if x == nil {
			return true
		}
		if id := lastIdent(sel.X); id != nil {
			sent[id] = true
		}
		switch sel.Sel.Name {
		case "Get", "Head", "Post", "PostForm":
			f.unbounded[x] = true
		case "Do":
			f.requests[x]++
			switch f.request(body, call) {
			case free:
				f.unbounded[x] = true
			case unsure:
				f.escaped[x] = true
			}
		}
		return true
	})
	ast.Inspect(body, func(n ast.Node) bool { // what else is done with it: others may make requests
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if sent[n.Sel] || named(deref(f.typeOf(n.X)), "net/http", "Client") {
				return false
			}
		case *ast.KeyValueExpr:
			if id, ok := n.Key.(*ast.Ident); ok {
				sent[id] = true // the name of a field
			}
		case *ast.Ident:
			if v, ok := f.info.Uses[n].(*types.Var); ok && !sent[n] && named(deref(v.Type()), "net/http", "Client") {
				f.escaped[v] = true
			}
		}
		return true
	})
}

func lastIdent(e ast.Expr) *ast.Ident {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		return e
	case *ast.SelectorExpr:
		return e.Sel
	}
	return nil
}

func (f *fields) typeOf(e ast.Expr) types.Type {
	if t := f.info.TypeOf(e); t != nil {
		return t
	}
	return types.Typ[types.Invalid]
}

// request tells whether the request that is given to Do has a context.
func (f *fields) request(body *ast.BlockStmt, do *ast.CallExpr) bound {
	if len(do.Args) != 1 {
		return unsure
	}
	arg := ast.Unparen(do.Args[0])
	if call, ok := arg.(*ast.CallExpr); ok {
		return f.made(call)
	}
	id, ok := arg.(*ast.Ident)
	if !ok {
		return unsure
	}
	v := f.info.ObjectOf(id)
	result := unsure
	ast.Inspect(body, func(n ast.Node) bool {
		a, ok := n.(*ast.AssignStmt)
		if !ok || len(a.Rhs) != 1 || a.Pos() > do.Pos() {
			return true
		}
		l, ok := a.Lhs[0].(*ast.Ident)
		call, isCall := ast.Unparen(a.Rhs[0]).(*ast.CallExpr)
		if ok && isCall && f.info.ObjectOf(l) == v {
			if made := f.made(call); result != bounded {
				result = made
			}
		}
		return true
	})
	return result
}

// made tells whether call makes a request with a context.
func (f *fields) made(call *ast.CallExpr) bound {
	fn, _ := typesFunc(f.info, call)
	switch fn {
	case "net/http.NewRequestWithContext", "(*net/http.Request).WithContext", "(*net/http.Request).Clone":
		return bounded
	case "net/http.NewRequest":
		return free
	}
	return unsure
}

func typesFunc(info *types.Info, call *ast.CallExpr) (string, bool) {
	if id := funIdent(call); id != nil {
		if fn, ok := info.Uses[id].(*types.Func); ok {
			return fn.FullName(), true
		}
	}
	return "", false
}
