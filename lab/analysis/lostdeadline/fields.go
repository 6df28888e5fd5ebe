package lostdeadline

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/types/typeutil"
)

// fields knows where a package assigns fields of variables. A field that holds a value, as app.srv does, counts as a
// variable, whichever app it belongs to.
type fields struct {
	info     *types.Info
	set      map[types.Object][]assignment
	given    map[types.Object][]given
	open     map[types.Object]bool // handed to a function that only the running program knows
	returned map[types.Object]bool
	homes    map[*ast.CompositeLit]types.Object // the variable that a literal is kept in
	maxBytes bool                               // http.MaxBytesHandler is used

	unbounded map[types.Object]bool // clients that make a request without a context
	escaped   map[types.Object]bool // clients by which others may make requests
	requests  map[types.Object]int  // how many calls of Do
}

// assignment is one to x.name.
type assignment struct {
	name  string
	at    token.Pos
	limit bool // the value is a reader with a limit
}

// given is a variable as an argument for a parameter of a function of the package.
type given struct {
	param types.Object
	at    token.Pos
}

func fieldsOf(pass *analysis.Pass) *fields {
	f := &fields{info: pass.TypesInfo, set: make(map[types.Object][]assignment), given: make(map[types.Object][]given),
		open: make(map[types.Object]bool), returned: make(map[types.Object]bool), homes: make(map[*ast.CompositeLit]types.Object),
		unbounded: make(map[types.Object]bool), escaped: make(map[types.Object]bool), requests: make(map[types.Object]int)}
	for _, file := range pass.Files {
		if isTest(pass, file) {
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			f.node(pass.Pkg, n)
			return true
		})
		for _, d := range file.Decls {
			if fd, ok := d.(*ast.FuncDecl); ok && fd.Body != nil {
				f.use(fd.Body)
			}
		}
	}
	return f
}

func (f *fields) node(pkg *types.Package, n ast.Node) {
	switch n := n.(type) {
	case *ast.AssignStmt:
		for i, l := range n.Lhs {
			if len(n.Lhs) == len(n.Rhs) {
				f.assign(l, n.Rhs[i])
			}
		}
	case *ast.ValueSpec:
		for i, v := range n.Values {
			if len(n.Names) == len(n.Values) {
				f.keep(f.info.Defs[n.Names[i]], v)
			}
		}
	case *ast.KeyValueExpr:
		if id, ok := n.Key.(*ast.Ident); ok {
			f.keep(f.info.Uses[id], n.Value)
		}
	case *ast.ReturnStmt:
		for _, r := range n.Results {
			f.returned[f.object(r)] = true
		}
	case *ast.CallExpr:
		f.call(pkg, n)
	}
}

func (f *fields) assign(l, r ast.Expr) {
	f.keep(f.object(l), r)
	if sel, ok := ast.Unparen(l).(*ast.SelectorExpr); ok && !decompressor(f.info.TypeOf(r)) {
		if x := f.holder(sel); x != nil {
			f.set[x] = append(f.set[x], assignment{sel.Sel.Name, l.Pos(), f.limits(r)})
		}
	}
}

// keep notes that x holds e if that is a literal or its address.
func (f *fields) keep(x types.Object, e ast.Expr) {
	e = ast.Unparen(e)
	if u, ok := e.(*ast.UnaryExpr); ok {
		e = ast.Unparen(u.X)
	}
	if lit, ok := e.(*ast.CompositeLit); ok && x != nil {
		f.homes[lit] = x
	}
}

func (f *fields) call(pkg *types.Package, call *ast.CallExpr) {
	sig := signature(f.info, call)
	if sig == nil {
		return
	}
	callee := typeutil.StaticCallee(f.info, call)
	f.maxBytes = f.maxBytes || callee != nil && callee.FullName() == "net/http.MaxBytesHandler"
	for i, a := range call.Args {
		x := f.object(a)
		switch {
		case x == nil:
		case callee == nil:
			f.open[x] = true
		case callee.Pkg() == pkg && i < sig.Params().Len():
			f.given[x] = append(f.given[x], given{callee.Signature().Params().At(i), a.Pos()})
		}
	}
}

// object returns the variable or the field that e, *e or &e is; nil if it is neither.
func (f *fields) object(e ast.Expr) types.Object {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		v, _ := f.info.ObjectOf(e).(*types.Var)
		if v == nil {
			return nil
		}
		return v
	case *ast.SelectorExpr:
		return f.info.ObjectOf(e.Sel)
	case *ast.StarExpr:
		return f.object(e.X)
	case *ast.UnaryExpr:
		if e.Op == token.AND {
			return f.object(e.X)
		}
	}
	return nil
}

// holder returns the variable of which sel is a field: an embedded field if sel is reached through one.
func (f *fields) holder(sel *ast.SelectorExpr) types.Object {
	s := f.info.Selections[sel]
	if s == nil || s.Kind() != types.FieldVal {
		return nil
	}
	x, t := f.object(sel.X), s.Recv()
	for _, i := range s.Index()[:len(s.Index())-1] {
		st, ok := deref(t).Underlying().(*types.Struct)
		if !ok {
			return nil
		}
		x, t = st.Field(i), st.Field(i).Type()
	}
	return x
}

// assigned tells whether the field of that name is assigned in x, or by a function of the package that is given x,
// before that position if it is valid.
func (f *fields) assigned(x types.Object, name string, before token.Pos) bool {
	return x != nil && f.reaches(x, name, before, make(map[types.Object]bool))
}

func (f *fields) reaches(x types.Object, name string, before token.Pos, seen map[types.Object]bool) bool {
	if seen[x] {
		return false
	}
	seen[x] = true
	for _, a := range f.set[x] {
		if a.name == name && (!before.IsValid() || a.at < before) {
			return true
		}
	}
	for _, g := range f.given[x] {
		if (!before.IsValid() || g.at < before) && f.reaches(g.param, name, token.NoPos, seen) {
			return true
		}
	}
	return false
}

// setLater tells whether one of the fields is assigned in the variable that holds lit, or may be by an option, a function
// value that is given the variable.
func (f *fields) setLater(lit *ast.CompositeLit, names []string) bool {
	x := f.homes[lit]
	for _, name := range names {
		if f.assigned(x, name, token.NoPos) {
			return true
		}
	}
	return x != nil && f.open[x]
}
