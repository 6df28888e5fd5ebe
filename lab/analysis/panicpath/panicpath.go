package panicpath

import (
	_ "embed"
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/types/typeutil"

	"github.com/falsifiable/stability/lab/analysis/internal/docs"
	"github.com/falsifiable/stability/lab/analysis/internal/requests"
)

//go:embed doc.go
var doc string

// Analyzer reports panics, exits and recovers in the wrong place.
var Analyzer = &analysis.Analyzer{
	Name: "panicpath",
	Doc:  docs.Extract(doc),
	URL:  docs.URL("panicpath"),
	Run:  run,
}

const policy = "//stability:policy recover"

func run(pass *analysis.Pass) (any, error) {
	c := &checker{pass: pass, bodies: make(map[types.Object]*ast.FuncDecl), told: make(map[token.Pos]bool)}
	for _, f := range pass.Files {
		for _, g := range f.Comments {
			for _, l := range g.List {
				c.policy = c.policy || strings.HasPrefix(l.Text, policy)
			}
		}
		for _, d := range f.Decls {
			if fd, ok := d.(*ast.FuncDecl); ok {
				c.bodies[pass.TypesInfo.Defs[fd.Name]] = fd
			}
		}
	}
	for _, f := range pass.Files {
		name := pass.Fset.Position(f.Package).Filename
		if strings.HasSuffix(name, "_test.go") || ast.IsGenerated(f) {
			continue
		}
		for _, d := range f.Decls {
			if fd, ok := d.(*ast.FuncDecl); ok && fd.Body != nil {
				c.function(fd.Name.Name == "init" && fd.Recv == nil, c.hasBetterWay(fd.Type), fd.Body)
			}
		}
	}
	return nil, nil
}

type checker struct {
	pass   *analysis.Pass
	policy bool
	bodies map[types.Object]*ast.FuncDecl
	told   map[token.Pos]bool // panics that were reported
}

func (c *checker) name(call *ast.CallExpr) string {
	switch f := typeutil.Callee(c.pass.TypesInfo, call).(type) {
	case *types.Func:
		return f.FullName()
	case *types.Builtin:
		return f.Name()
	}
	return ""
}

// hasBetterWay tells whether a function of type t need not end the process: it can return an error, or works for a
// request.
func (c *checker) hasBetterWay(t *ast.FuncType) bool {
	if t.Results != nil {
		for _, r := range t.Results.List {
			if types.Identical(c.pass.TypesInfo.TypeOf(r.Type), types.Universe.Lookup("error").Type()) {
				return true
			}
		}
	}
	for _, p := range t.Params.List {
		t := c.pass.TypesInfo.TypeOf(p.Type)
		switch types.TypeString(t, nil) {
		case "context.Context", "*net/http.Request":
			return true
		}
		if requests.Param(t) {
			return true
		}
	}
	return false
}

// function walks a body; better says whether it has a better way than to end the process.
func (c *checker) function(inInit, better bool, body *ast.BlockStmt) {
	var deferred token.Pos
	told := false // of the first exit that skips them; the others of the function are mended with it
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			c.function(false, better || c.hasBetterWay(n.Type), n.Body)
			return false
		case *ast.DeferStmt:
			if !deferred.IsValid() {
				deferred = n.Pos()
			}
			if lit, ok := n.Call.Fun.(*ast.FuncLit); ok {
				c.swallows(lit.Body)
			}
		case *ast.GoStmt:
			c.goes(n)
			c.panicsOnError(n)
		case *ast.IfStmt:
			if inInit {
				c.initPanic(n)
			}
		case *ast.CallExpr:
			at := deferred
			if told {
				at = token.NoPos
			}
			told = c.exit(n, at, better) || told
		}
		return true
	})
}

// exit looks at a call that may end the process, after a defer statement at deferred if that is valid. It returns whether
// it reported skipped calls.
func (c *checker) exit(call *ast.CallExpr, deferred token.Pos, better bool) bool {
	name := c.name(call)
	switch name {
	case "os.Exit", "log.Fatal", "log.Fatalf", "log.Fatalln", "(*log.Logger).Fatal", "(*log.Logger).Fatalf", "(*log.Logger).Fatalln":
	default:
		return false
	}
	if c.pass.Pkg.Name() != "main" {
		if better {
			c.pass.Reportf(call.Pos(), "%s outside of package main ends the whole process; return an error", name)
		}
		return false
	}
	skips := deferred.IsValid() && deferred < call.Pos()
	if skips {
		c.pass.Report(analysis.Diagnostic{Pos: call.Pos(), Message: name + " skips the deferred calls of this function",
			Related: []analysis.RelatedInformation{{Pos: deferred, Message: "the first of them"}}})
	}
	return skips
}

// initPanic reports "if err != nil { panic(err) }" in an init function.
func (c *checker) initPanic(s *ast.IfStmt) {
	b, ok := s.Cond.(*ast.BinaryExpr)
	if !ok || b.Op != token.NEQ || !types.Identical(c.pass.TypesInfo.TypeOf(b.X), types.Universe.Lookup("error").Type()) {
		return
	}
	for _, st := range s.Body.List {
		if e, ok := st.(*ast.ExprStmt); ok {
			if call, ok := e.X.(*ast.CallExpr); ok && c.name(call) == "panic" {
				c.pass.Reportf(call.Pos(), "panic in init: the program dies before main can log, retry or flush; do this in main and return the error")
			}
		}
	}
}

// goes holds a go statement against the package's policy.
func (c *checker) goes(g *ast.GoStmt) {
	if !c.policy {
		return
	}
	if body := c.bodyOf(g.Call); body == nil || !c.recovers(body) {
		c.pass.Reportf(g.Pos(), "this package's policy is recover: the function of this goroutine does not, so its panic ends the process")
	}
}

// bodyOf returns that of the function that call calls, if it is a literal or of this package.
func (c *checker) bodyOf(call *ast.CallExpr) *ast.BlockStmt {
	if lit, ok := ast.Unparen(call.Fun).(*ast.FuncLit); ok {
		return lit.Body
	}
	if fn := typeutil.StaticCallee(c.pass.TypesInfo, call); fn != nil {
		if fd := c.bodies[fn]; fd != nil {
			return fd.Body
		}
	}
	return nil
}

// panicsOnError reports a goroutine that panics on an error which it meets while the service runs, and which nobody recovers:
// the process ends without a last word to anybody.
func (c *checker) panicsOnError(g *ast.GoStmt) {
	body := c.bodyOf(g.Call)
	if body == nil || c.recovers(body) {
		return
	}
	var all []token.Pos
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.CallExpr:
			if c.name(n) != "panic" || len(n.Args) != 1 {
				return true
			}
			if id, ok := ast.Unparen(n.Args[0]).(*ast.Ident); ok && types.Identical(c.pass.TypesInfo.TypeOf(id), types.Universe.Lookup("error").Type()) {
				all = append(all, n.Pos())
			}
		}
		return true
	})
	if len(all) == 0 || c.told[all[0]] {
		return
	}
	c.told[all[0]] = true
	d := analysis.Diagnostic{Pos: all[0],
		Message: "panic on an error in a goroutine that nobody recovers: it ends the process, and skips what main does to stop; hand the error to main, by a channel or an errgroup",
		Related: []analysis.RelatedInformation{{Pos: g.Pos(), Message: "the goroutine is started here"}}}
	for _, other := range all[1:] { // one mend for all
		d.Related = append(d.Related, analysis.RelatedInformation{Pos: other, Message: "and so does this"})
	}
	c.pass.Report(d)
}

// recovers tells whether body defers something that recovers.
func (c *checker) recovers(body *ast.BlockStmt) bool {
	for _, s := range body.List {
		d, ok := s.(*ast.DeferStmt)
		if !ok {
			continue
		}
		var inner *ast.BlockStmt
		if lit, ok := d.Call.Fun.(*ast.FuncLit); ok {
			inner = lit.Body
		} else if fn := typeutil.StaticCallee(c.pass.TypesInfo, d.Call); fn != nil {
			if fd := c.bodies[fn]; fd != nil {
				inner = fd.Body
			} else {
				return true // a helper of another package
			}
		}
		if inner == nil {
			continue
		}
		found := false
		ast.Inspect(inner, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && c.name(call) == "recover" {
				found = true
			}
			return !found
		})
		if found {
			return true
		}
	}
	return false
}
