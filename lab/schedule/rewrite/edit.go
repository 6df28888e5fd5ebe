package rewrite

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"

	"github.com/falsifiable/stability/lab/schedule/point"
)

// methods are the methods whose calls get a point, whatever they belong to: a point where none is needed harms nobody. A
// condition's wait cannot be told from another one by its name.
var methods = map[string]point.Kind{"Lock": point.Lock, "Unlock": point.Unlock, "RLock": point.RLock, "RUnlock": point.RUnlock,
	"Wait": point.Wait, "Done": point.Add, "Signal": point.Signal, "Broadcast": point.Signal}

// errTestMain is returned for a TestMain that runs its tests through something else.
var errTestMain = errors.New("its TestMain does not call Run itself")

// insertion is text that takes the place of the bytes from offset at up to offset to, or goes between two bytes if
// these are equal.
type insertion struct {
	at, to int
	text   string
}

// file is a source file while it is edited.
type file struct {
	base  int
	edits []insertion
}

// edit puts points into a file, all on the lines that are there, so that each position stays true. It reports whether
// the file declares TestMain. alias and path are those of the package with the points.
func edit(name string, src []byte, path string) (edited []byte, testMain bool, err error) {
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, false, err
	}
	f := &file{base: fset.File(parsed.FileStart).Base()}
	for _, d := range parsed.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if ok && fn.Body != nil && fn.Name.Name == "TestMain" && fn.Recv == nil {
			testMain = true
			if !f.testMain(fn) {
				return nil, true, errTestMain
			}
			continue
		}
		if !ok || !hasDirective(fn.Doc) {
			f.walk(d)
		}
	}
	if len(f.edits) == 0 {
		return src, testMain, nil
	}
	f.insert(parsed.Name.End(), "; import "+alias+" "+strconv.Quote(path))
	return f.apply(src), testMain, nil
}

// hasDirective tells whether the function has a directive for the compiler, such as nosplit: no call is put into such a
// function.
func hasDirective(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:") })
}

func (f *file) insert(pos token.Pos, text string) {
	f.edits = append(f.edits, insertion{int(pos) - f.base, int(pos) - f.base, text})
}

func (f *file) apply(src []byte) []byte {
	slices.SortStableFunc(f.edits, func(a, b insertion) int { return a.at - b.at })
	var out bytes.Buffer
	at := 0
	for _, e := range f.edits {
		out.Write(src[at:e.at])
		out.WriteString(e.text)
		at = e.to
	}
	out.Write(src[at:])
	return out.Bytes()
}

// testMain replaces each call of the parameter's Run by one that reports. It tells whether there was one.
func (f *file) testMain(fn *ast.FuncDecl) (found bool) {
	params := fn.Type.Params.List
	if len(params) != 1 || len(params[0].Names) != 1 {
		return false
	}
	m := params[0].Names[0].Name
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if sel, ok := call.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Run" && isIdent(sel.X, m) {
			f.edits = append(f.edits, insertion{int(call.Pos()) - f.base, int(call.End()) - f.base, alias + ".Run(" + m + ")"})
			found = true
		}
		return true
	})
	return found
}

func isIdent(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

// walk visits every list of statements below a node.
func (f *file) walk(n ast.Node) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BlockStmt:
			f.list(n.List)
		case *ast.CaseClause:
			f.list(n.Body)
		case *ast.CommClause:
			f.list(n.Body)
		}
		return true
	})
}

func (f *file) list(stmts []ast.Stmt) {
	for _, s := range stmts {
		switch s := s.(type) {
		case *ast.GoStmt:
			f.operands(s, s.Call)
			f.insert(s.End(), fmt.Sprintf("; %s.At(%d)", alias, point.Go))
		case *ast.DeferStmt:
			f.deferred(s)
		case *ast.BlockStmt, *ast.CaseClause, *ast.CommClause:
		default:
			f.operands(s, s)
		}
	}
}

// deferred keeps the count of locks right: what is inserted runs after the release.
func (f *file) deferred(s *ast.DeferStmt) {
	if sel, ok := s.Call.Fun.(*ast.SelectorExpr); ok {
		if kind := methods[sel.Sel.Name]; kind == point.Unlock || kind == point.RUnlock {
			f.insert(s.Pos(), fmt.Sprintf("defer %s.Unlock(%d); ", alias, kind))
		}
	}
}

// operands puts points before a statement for the operations that it does itself: not those of its blocks, nor of
// function literals, which have lists of their own.
func (f *file) operands(stmt ast.Stmt, within ast.Node) {
	ast.Inspect(within, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BlockStmt, *ast.FuncLit, *ast.CaseClause, *ast.CommClause:
			return false
		case *ast.SelectStmt:
			f.insert(stmt.Pos(), fmt.Sprintf("%s.At(%d); ", alias, point.Select))
			return false
		case *ast.SendStmt:
			f.insert(stmt.Pos(), fmt.Sprintf("%s.At(%d); ", alias, point.Send))
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				f.insert(stmt.Pos(), fmt.Sprintf("%s.At(%d); ", alias, point.Recv))
			}
		case *ast.CallExpr:
			f.call(stmt, n)
		}
		return true
	})
}

func (f *file) call(stmt ast.Stmt, call *ast.CallExpr) {
	switch fun := call.Fun.(type) {
	case *ast.Ident:
		if fun.Name == "close" && len(call.Args) == 1 {
			f.insert(stmt.Pos(), fmt.Sprintf("%s.At(%d); ", alias, point.Close))
		}
	case *ast.SelectorExpr:
		kind, ok := methods[fun.Sel.Name]
		if !ok || len(call.Args) != 0 {
			return
		}
		name := "At"
		switch kind {
		case point.Lock, point.RLock:
			name = "Lock"
		case point.Unlock, point.RUnlock:
			name = "Unlock"
		}
		f.insert(stmt.Pos(), fmt.Sprintf("%s.%s(%d); ", alias, name, kind))
	}
}
