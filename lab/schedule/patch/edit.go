package patch

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"slices"
	"strings"
)

// insertion replaces the bytes from..to of a file.
type insertion struct {
	from, to int
	text     string
}

// editFile applies the edits of one file. It returns what does not fit, one line each.
func editFile(name string, src []byte, edits []Edit) (patched []byte, refusals []string) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, []string{fmt.Sprintf("%s: %v", name, err)}
	}
	base := fset.File(file.FileStart).Base()
	var all []insertion
	for _, e := range edits {
		if e.File != name {
			continue
		}
		in, err := e.locate(file, base)
		if err != nil {
			refusals = append(refusals, fmt.Sprintf("%s: %s: %v", name, e.Decl, err))
			continue
		}
		all = append(all, in)
	}
	return apply(src, all), refusals
}

func apply(src []byte, all []insertion) []byte {
	slices.SortStableFunc(all, func(a, b insertion) int { return a.from - b.from })
	var out bytes.Buffer
	at := 0
	for _, in := range all {
		out.Write(src[at:in.from])
		out.WriteString(in.text)
		at = in.to
	}
	out.Write(src[at:])
	return out.Bytes()
}

// locate finds the edit's place, or says why this is not the code that it was written for.
func (e Edit) locate(file *ast.File, base int) (insertion, error) {
	insert := func(pos token.Pos) insertion { return insertion{int(pos) - base, int(pos) - base, e.Text} }
	if name, ok := strings.CutPrefix(e.Decl, "type "); ok {
		fields, err := structFields(file, name)
		if err != nil {
			return insertion{}, err
		}
		return insert(fields.Closing), nil
	}
	fn, err := e.function(file)
	if err != nil {
		return insertion{}, err
	}
	list := fn.Body.List
	switch e.At {
	case Entry:
		return insert(fn.Body.Lbrace + 1), nil
	case End:
		return insert(fn.Body.Rbrace), nil
	case BeforeLast:
		if len(list) == 0 {
			return insertion{}, fmt.Errorf("the body is empty")
		}
		return insert(list[len(list)-1].Pos()), nil
	}
	expr, stmt, err := findExpr(list, e.Expr)
	if err != nil {
		return insertion{}, err
	}
	switch e.At {
	case BeforeStmt:
		return insert(stmt.Pos()), nil
	case AfterStmt:
		return insert(stmt.End()), nil
	default:
		return insertion{int(expr.Pos()) - base, int(expr.End()) - base, e.Text}, nil
	}
}

// function finds the edit's function and checks that it looks as it should.
func (e Edit) function(file *ast.File) (*ast.FuncDecl, error) {
	var found []*ast.FuncDecl
	for _, d := range file.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil && declName(fn) == e.Decl {
			found = append(found, fn)
		}
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("%d declarations, want 1", len(found))
	}
	fn := found[0]
	if have := text(fn.Type); have != e.Sig {
		return nil, fmt.Errorf("signature changed:\n\t\thave %s\n\t\twant %s", have, e.Sig)
	}
	var have []string
	if fn.Doc != nil {
		for _, c := range fn.Doc.List {
			if strings.HasPrefix(c.Text, "//go:") {
				have = append(have, c.Text)
			}
		}
	}
	if !slices.Equal(have, e.Directives) {
		return nil, fmt.Errorf("compiler directives changed: have %q, want %q", have, e.Directives)
	}
	return fn, nil
}

func declName(fn *ast.FuncDecl) string {
	if fn.Recv == nil || len(fn.Recv.List) != 1 {
		return fn.Name.Name
	}
	return "(" + text(fn.Recv.List[0].Type) + ")." + fn.Name.Name
}

func structFields(file *ast.File, name string) (*ast.FieldList, error) {
	for _, d := range file.Decls {
		gen, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, s := range gen.Specs {
			if ts, ok := s.(*ast.TypeSpec); ok && ts.Name.Name == name {
				if st, ok := ts.Type.(*ast.StructType); ok {
					return st.Fields, nil
				}
			}
		}
	}
	return nil, fmt.Errorf("no struct of this name")
}

// findExpr finds the one expression that prints as want, and the statement of the list that contains it.
func findExpr(list []ast.Stmt, want string) (expr ast.Expr, in ast.Stmt, err error) {
	n := 0
	for _, stmt := range list {
		ast.Inspect(stmt, func(node ast.Node) bool {
			if e, ok := node.(ast.Expr); ok && text(e) == want {
				n++
				expr, in = e, stmt
				return false
			}
			return true
		})
	}
	if n != 1 {
		return nil, nil, fmt.Errorf("%d times %s, want 1", n, want)
	}
	return expr, in, nil
}

func text(node ast.Node) string {
	var b strings.Builder
	if err := printer.Fprint(&b, token.NewFileSet(), node); err != nil {
		return err.Error()
	}
	return b.String()
}
