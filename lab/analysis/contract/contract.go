package contract

import (
	_ "embed"
	"errors"
	"go/ast"
	"go/constant"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"

	"github.com/falsifiable/stability/expr"
	"github.com/falsifiable/stability/lab/analysis/internal/docs"
	"github.com/falsifiable/stability/signals"
)

//go:embed doc.go
var doc string

// Analyzer reports contracts that would not register, or not do what they say.
var Analyzer = &analysis.Analyzer{
	Name: "contract",
	Doc:  docs.Extract(doc),
	URL:  docs.URL("contract"),
	Run:  run,
}

const stability = "github.com/falsifiable/stability"

func run(pass *analysis.Pass) (any, error) {
	if !uses(pass.Pkg) {
		return nil, nil
	}
	schema := signals.NewSchema(signals.Standard()...)
	for _, f := range pass.Files {
		// The library's own tests, and those of others, register wrong contracts on purpose.
		if strings.HasSuffix(pass.Fset.Position(f.Package).Filename, "_test.go") {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			lit, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			switch typeName(pass.TypesInfo.TypeOf(lit)) {
			case "Check":
				check(pass, schema, lit)
			case "Contract":
				whole(pass, lit)
			}
			return true
		})
	}
	return nil, nil
}

// uses tells whether pkg is or imports the contract package.
func uses(pkg *types.Package) bool {
	if pkg.Path() == stability {
		return true
	}
	for _, p := range pkg.Imports() {
		if p.Path() == stability {
			return true
		}
	}
	return false
}

func typeName(t types.Type) string {
	if t == nil {
		return ""
	}
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	n, ok := types.Unalias(t).(*types.Named)
	if !ok || n.Obj().Pkg() == nil || n.Obj().Pkg().Path() != stability {
		return ""
	}
	return n.Obj().Name()
}

// fields returns the elements of a struct literal by name.
func fields(pass *analysis.Pass, lit *ast.CompositeLit) map[string]ast.Expr {
	st, ok := pass.TypesInfo.TypeOf(lit).Underlying().(*types.Struct)
	if !ok { // an element of a []*Check without its type
		p, ok := pass.TypesInfo.TypeOf(lit).Underlying().(*types.Pointer)
		if !ok {
			return nil
		}
		if st, ok = p.Elem().Underlying().(*types.Struct); !ok {
			return nil
		}
	}
	m := make(map[string]ast.Expr)
	for i, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			if id, ok := kv.Key.(*ast.Ident); ok {
				m[id.Name] = kv.Value
			}
		} else if i < st.NumFields() {
			m[st.Field(i).Name()] = e
		}
	}
	return m
}

// text returns the value of a constant string expression.
func text(pass *analysis.Pass, e ast.Expr) (string, bool) {
	if e == nil {
		return "", false
	}
	v := pass.TypesInfo.Types[e].Value
	if v == nil || v.Kind() != constant.String {
		return "", false
	}
	return constant.StringVal(v), true
}

func check(pass *analysis.Pass, schema *signals.Schema, lit *ast.CompositeLit) {
	e := fields(pass, lit)["Expr"]
	src, ok := text(pass, e)
	if !ok {
		return
	}
	program, err := expr.Compile(schema, src, expr.Options{})
	for _, x := range all(err) {
		if !foreign(x) {
			pass.Report(analysis.Diagnostic{Pos: e.Pos(), End: e.End(), Message: x.Error()})
		}
	}
	if err != nil {
		return
	}
	for _, w := range program.Warnings() {
		pass.Report(analysis.Diagnostic{Pos: e.Pos(), End: e.End(), Category: "warning", Message: w.String()})
	}
}

// all takes apart what errors.Join has joined.
func all(err error) []error {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// foreign tells whether the error is about a signal that the service itself may register. A name that is nearly one of
// ours is more likely a slip.
func foreign(err error) bool {
	var e *expr.Error
	return errors.As(err, &e) && strings.HasPrefix(e.Msg, "unknown signal") && !strings.HasPrefix(e.Mend, "did you mean")
}

func whole(pass *analysis.Pass, lit *ast.CompositeLit) {
	fs := fields(pass, lit)
	if len(fs) == 0 {
		return // filled in later
	}
	if name, ok := text(pass, fs["Name"]); fs["Name"] == nil || ok && name == "" {
		pass.Reportf(lit.Pos(), "this contract has no name: it would not register")
	}
	list, ok := fs["Checks"].(*ast.CompositeLit)
	if !ok {
		return
	}
	if len(list.Elts) == 0 {
		pass.Reportf(list.Pos(), "this contract has no checks: it promises nothing")
	}
	seen := make(map[string]bool)
	for _, e := range list.Elts {
		c, ok := e.(*ast.CompositeLit)
		if !ok {
			continue
		}
		name, ok := text(pass, fields(pass, c)["Name"])
		if ok && seen[name] {
			pass.Reportf(c.Pos(), "check %q is there twice: the contract would not register", name)
		}
		seen[name] = true
	}
}
