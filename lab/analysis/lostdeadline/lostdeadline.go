package lostdeadline

import (
	_ "embed"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/types/typeutil"

	"github.com/falsifiable/stability/lab/analysis/internal/comments"
	"github.com/falsifiable/stability/lab/analysis/internal/docs"
	"github.com/falsifiable/stability/lab/analysis/internal/requests"
)

//go:embed doc.go
var doc string

// Analyzer reports lost deadlines.
var Analyzer = &analysis.Analyzer{
	Name: "lostdeadline",
	Doc:  docs.Extract(doc),
	URL:  docs.URL("lostdeadline"),
	Run:  run,
}

func run(pass *analysis.Pass) (any, error) {
	pkg := &pkg{fields: fieldsOf(pass), bodies: bodiesOf(pass), bounded: requestsBounded(pass), fallback: withFallback(pass), serves: servesRequests(pass)}
	for _, f := range pass.Files {
		if isTest(pass, f) || ast.IsGenerated(f) {
			continue
		}
		for _, d := range f.Decls {
			if fd, ok := d.(*ast.FuncDecl); ok && fd.Body != nil {
				c := &checker{pass: pass, pkg: pkg, whole: fd.Body}
				c.function(fd.Type, fd.Body, "")
			}
		}
	}
	return nil, nil
}

func isTest(pass *analysis.Pass, f *ast.File) bool {
	return strings.HasSuffix(pass.Fset.Position(f.Package).Filename, "_test.go")
}

// pkg is what the checkers know of the whole package.
type pkg struct {
	fields  *fields
	bodies  map[*types.Func]*ast.BlockStmt
	bounded bool // the package makes requests with a context
	serves  bool // it has functions that serve requests

	fallback bool // gin's engine is told to cancel its contexts with their requests
}

func bodiesOf(pass *analysis.Pass) map[*types.Func]*ast.BlockStmt {
	out := make(map[*types.Func]*ast.BlockStmt)
	for _, f := range pass.Files {
		for _, d := range f.Decls {
			if fd, ok := d.(*ast.FuncDecl); ok && fd.Body != nil {
				if fn, ok := pass.TypesInfo.Defs[fd.Name].(*types.Func); ok {
					out[fn] = fd.Body
				}
			}
		}
	}
	return out
}

// checker walks one function; ctx is the expression for the context in scope, "" if there is none.
type checker struct {
	ctxVar types.Object // the parameter in it
	apart  int          // how many go and defer statements and literals are around
	pass   *analysis.Pass
	pkg    *pkg
	whole  *ast.BlockStmt // of the declared function
	ctx    string
	body   *ast.BlockStmt // of the declared function or of a literal in it

	watch  *watch            // made by the first loop that sleeps
	paused map[ast.Node]bool // loops within one that looks at the context in each of its rounds
}

func (c *checker) function(t *ast.FuncType, body *ast.BlockStmt, outer string) {
	was, wasBody, wasVar := c.ctx, c.body, c.ctxVar
	c.ctx, c.body = outer, body
	if own, v := c.contextOf(t); own != "" {
		c.ctx, c.ctxVar = own, v
	}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			c.apart++
			c.function(n.Type, n.Body, c.ctx)
			c.apart--
			return false
		case *ast.GoStmt:
			c.beside(n.Call)
			return false
		case *ast.DeferStmt:
			c.beside(n.Call)
			return false
		case *ast.CallExpr:
			c.call(n)
			if lit, ok := last(n.Args).(*ast.FuncLit); ok && c.callee(n) == "(*sync.Once).Do" {
				c.function(lit.Type, lit.Body, "") // what is done once, for all, must not end with the first who asks
				return false
			}
		case *ast.CompositeLit:
			c.literal(n)
		case *ast.ForStmt:
			c.loop(n, n.Cond, n.Body)
		case *ast.RangeStmt:
			if c.elements(n.X) {
				c.loop(n, nil, n.Body)
			}
		case *ast.IfStmt:
			if c.nilDefault(n) { // if ctx == nil { ctx = context.Background() }
				return false
			}
		}
		return true
	})
	c.ctx, c.body, c.ctxVar = was, wasBody, wasVar
}

// beside looks at a call that is deferred or started by a go statement.
func (c *checker) beside(call *ast.CallExpr) {
	c.apart++
	defer func() { c.apart-- }()
	if lit, ok := call.Fun.(*ast.FuncLit); ok {
		c.function(lit.Type, lit.Body, c.ctx)
	} else {
		c.call(call)
	}
	for _, a := range call.Args {
		ast.Inspect(a, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncLit:
				c.function(n.Type, n.Body, c.ctx)
				return false
			case *ast.CallExpr:
				c.call(n)
			case *ast.CompositeLit:
				c.literal(n)
			}
			return true
		})
	}
}

// contextOf returns the expression for the context among the parameters of t, and the parameter.
func (c *checker) contextOf(t *ast.FuncType) (string, types.Object) {
	for _, f := range t.Params.List {
		typ := c.pass.TypesInfo.TypeOf(f.Type)
		if typ == nil || len(f.Names) == 0 || f.Names[0].Name == "_" {
			continue
		}
		switch {
		case named(typ, "context", "Context"):
			return f.Names[0].Name, c.pass.TypesInfo.Defs[f.Names[0]]
		case requests.ContextOf(typ) != "":
			return f.Names[0].Name + requests.ContextOf(typ), c.pass.TypesInfo.Defs[f.Names[0]]
		}
	}
	return "", nil
}

func deref(t types.Type) types.Type {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		return p.Elem()
	}
	return t
}

func named(t types.Type, pkg, name string) bool {
	n, ok := types.Unalias(t).(*types.Named)
	return ok && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == pkg && n.Obj().Name() == name
}

// callee is the full name of the called function, such as "net/http.Get" or "(*database/sql.DB).Query".
func (c *checker) callee(call *ast.CallExpr) string {
	if f := typeutil.StaticCallee(c.pass.TypesInfo, call); f != nil {
		return f.FullName()
	}
	return ""
}

func (c *checker) nilDefault(s *ast.IfStmt) bool {
	b, ok := s.Cond.(*ast.BinaryExpr)
	if !ok || b.Op != token.EQL {
		return false
	}
	id, ok := b.Y.(*ast.Ident)
	return ok && id.Name == "nil" && named(c.pass.TypesInfo.TypeOf(b.X), "context", "Context")
}

// withContext maps functions that take no context to those that do.
var withContext = map[string]string{
	"net/http.NewRequest":           "NewRequestWithContext",
	"os/exec.Command":               "CommandContext",
	"(*database/sql.DB).Query":      "QueryContext",
	"(*database/sql.DB).QueryRow":   "QueryRowContext",
	"(*database/sql.DB).Exec":       "ExecContext",
	"(*database/sql.DB).Ping":       "PingContext",
	"(*database/sql.DB).Prepare":    "PrepareContext",
	"(*database/sql.Tx).Query":      "QueryContext",
	"(*database/sql.Tx).QueryRow":   "QueryRowContext",
	"(*database/sql.Tx).Exec":       "ExecContext",
	"(*database/sql.Tx).Prepare":    "PrepareContext",
	"(*database/sql.Stmt).Query":    "QueryContext",
	"(*database/sql.Stmt).QueryRow": "QueryRowContext",
	"(*database/sql.Stmt).Exec":     "ExecContext",
	"(*net.Dialer).Dial":            "DialContext",
}

func (c *checker) call(call *ast.CallExpr) {
	name := c.callee(call)
	c.arguments(call, name)
	switch name {
	case "net/http.Get", "net/http.Post", "net/http.Head", "net/http.PostForm":
		c.pass.Reportf(call.Pos(), "%s uses http.DefaultClient, which has no timeout, and takes no context", short(name))
		return
	case "net/http.ListenAndServe", "net/http.ListenAndServeTLS", "net/http.Serve":
		c.pass.Reportf(call.Pos(), "%s serves without any timeout: a slow client holds its connection for good; use an http.Server with ReadHeaderTimeout", short(name))
		return
	case "net.Dial":
		if c.ctx != "" {
			c.pass.Reportf(call.Pos(), "net.Dial knows neither a timeout nor the context %s; use (&net.Dialer{}).DialContext", c.ctx)
		}
		return
	case "io.ReadAll", "io/ioutil.ReadAll":
		c.readAll(call)
		return
	}
	c.uncancelled(call, name)
	if to := withContext[name]; to != "" && c.ctx != "" && !(name == "net/http.NewRequest" && c.joined(call)) {
		d := analysis.Diagnostic{Pos: call.Pos(), End: call.End(),
			Message: short(name) + " loses the context " + c.ctx + "; use " + to}
		if id := funIdent(call); id != nil && c.sameCall(call, name) {
			d.SuggestedFixes = []analysis.SuggestedFix{{Message: "Use " + to, TextEdits: []analysis.TextEdit{
				{Pos: id.Pos(), End: id.End(), NewText: []byte(to)},
				{Pos: call.Lparen + 1, End: call.Lparen + 1, NewText: []byte(c.ctx + comma(call))}}}}
		}
		c.pass.Report(d)
	}
}

// joined tells whether the function brings the request that call makes and the context together later: by WithContext, or in
// a call that is given both.
func (c *checker) joined(call *ast.CallExpr) bool {
	made := c.assignedTo(call)
	found := false
	ast.Inspect(c.body, func(n ast.Node) bool {
		other, ok := n.(*ast.CallExpr)
		if !ok || other == call {
			return !found
		}
		if sel, ok := ast.Unparen(other.Fun).(*ast.SelectorExpr); ok && sel.Sel.Name == "WithContext" {
			found = found || made == nil || c.isVar(sel.X, made)
		}
		ctx, req := false, false
		for _, a := range other.Args {
			ctx = ctx || c.isVar(a, c.ctxVar)
			req = req || made != nil && c.isVar(a, made)
		}
		found = found || ctx && req
		return !found
	})
	return found
}

// assignedTo returns the variable that gets the first result of call.
func (c *checker) assignedTo(call *ast.CallExpr) (v types.Object) {
	ast.Inspect(c.body, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok && len(a.Rhs) == 1 && ast.Unparen(a.Rhs[0]) == call {
			if id, ok := a.Lhs[0].(*ast.Ident); ok {
				v = c.pass.TypesInfo.ObjectOf(id)
			}
		}
		return v == nil
	})
	return v
}

func (c *checker) isVar(e ast.Expr, v types.Object) bool {
	id, ok := ast.Unparen(e).(*ast.Ident)
	return ok && v != nil && c.pass.TypesInfo.ObjectOf(id) == v
}

func comma(call *ast.CallExpr) string {
	if len(call.Args) > 0 {
		return ", "
	}
	return ""
}

func short(name string) string {
	name = strings.TrimPrefix(name, "net/")
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		star := ""
		if strings.HasPrefix(name, "(*") {
			star = "(*"
		}
		name = star + name[i+1:]
	}
	return name
}

func funIdent(call *ast.CallExpr) *ast.Ident {
	switch f := ast.Unparen(call.Fun).(type) {
	case *ast.SelectorExpr:
		return f.Sel
	case *ast.Ident:
		return f
	}
	return nil
}

// signature returns that of the called function; nil for a conversion.
func signature(info *types.Info, call *ast.CallExpr) *types.Signature {
	t := info.TypeOf(call.Fun)
	if t == nil || info.Types[call.Fun].IsType() {
		return nil
	}
	sig, _ := t.Underlying().(*types.Signature)
	return sig
}

// arguments looks at what is passed as a context.
func (c *checker) arguments(call *ast.CallExpr, name string) {
	sig := signature(c.pass.TypesInfo, call)
	if sig == nil {
		return
	}
	for i, a := range call.Args {
		if i >= sig.Params().Len() || !named(sig.Params().At(i).Type(), "context", "Context") {
			continue
		}
		if t := c.pass.TypesInfo.TypeOf(a); framework(t) && !c.pkg.fallback {
			c.pass.Report(analysis.Diagnostic{Pos: a.Pos(), End: a.End(), Category: Framework,
				Message: "this " + t.String() + " is not cancelled when its request is; pass " + types.ExprString(a) +
					".Request.Context(), or set ContextWithFallback of the engine, which keeps the values of the former"})
		}
		c.background(call, name, a)
	}
}

func (c *checker) background(call *ast.CallExpr, name string, a ast.Expr) {
	inner, ok := ast.Unparen(a).(*ast.CallExpr)
	if !ok || c.ctx == "" {
		return
	}
	switch fn := c.callee(inner); fn {
	case "context.Background", "context.TODO":
		if carriesValues(name) || slices.Contains([]string{"context.WithTimeout", "context.WithDeadline", "context.WithTimeoutCause",
			"context.WithDeadlineCause"}, name) {
			return
		}
		if (name == "context.WithCancel" || name == "context.WithCancelCause") && c.keepsCancel(call) {
			return
		}
		if outlives.MatchString(comments.Above(c.pass, a.Pos())) {
			return
		}
		d := analysis.Diagnostic{Pos: a.Pos(), End: a.End(), Message: fn + " drops the deadline and the cancellation of " + c.ctx}
		if c.apart > 0 || cleansUp(call) || c.waitsForEnd() {
			d.Message += "; what is to outlive it needs a time of its own: context.WithTimeout(context.WithoutCancel(" + c.ctx + "), …)"
		} else if c.inScope(a.Pos()) {
			d.Message += "; pass it on"
			d.SuggestedFixes = []analysis.SuggestedFix{{Message: "Pass " + c.ctx, TextEdits: []analysis.TextEdit{
				{Pos: a.Pos(), End: a.End(), NewText: []byte(c.ctx)}}}}
		}
		c.pass.Report(d)
	}
}

// framework tells whether t is a web framework's context: a struct that implements context.Context and holds the request.
func framework(t types.Type) bool {
	if t == nil {
		return false
	}
	n, ok := types.Unalias(deref(t)).(*types.Named)
	if !ok || n.Obj().Pkg() == nil || n.Obj().Name() != "Context" {
		return false
	}
	st, ok := n.Underlying().(*types.Struct)
	if !ok {
		return false
	}
	for f := range st.Fields() {
		if f.Name() == "Request" && named(deref(f.Type()), "net/http", "Request") {
			return true
		}
	}
	return false
}
