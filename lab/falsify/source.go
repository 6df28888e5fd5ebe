package falsify

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"

	"github.com/falsifiable/stability/lab/falsify/report"
)

// declared names a check as it stands in the source: contract is empty if the check is not written within a contract.
type declared struct{ contract, check string }

// positions are where checks are declared.
type positions map[declared]report.Position

// of returns where a check is declared, the zero Position if that is not known.
func (p positions) of(contract, check string) report.Position {
	if at, ok := p[declared{contract, check}]; ok {
		return at
	}
	return p[declared{"", check}]
}

// locate finds where the checks are declared: the composite literals which have a Name and an Expr, within those that
// have a Name and Checks. A check that is put together otherwise has no position; nothing but the reports' links
// needs one.
func locate(files []string, dir string) positions {
	found := make(positions)
	set := token.NewFileSet()
	for _, path := range files {
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			continue // it compiled a moment ago; somebody is editing
		}
		found.collect(set, file, dir, "")
	}
	return found
}

// collect notes the checks below a node that is within a contract, "" for none.
func (p positions) collect(set *token.FileSet, node ast.Node, dir, contract string) {
	ast.Inspect(node, func(n ast.Node) bool {
		literal, ok := n.(*ast.CompositeLit)
		if !ok || n == node {
			return true
		}
		name, fields := nameOf(literal)
		switch {
		case fields["Checks"] && name != "":
			p.collect(set, literal, dir, name)
			return false
		case fields["Expr"] && name != "":
			key := declared{contract, name}
			if _, known := p[key]; known {
				break
			}
			at := set.Position(literal.Pos())
			if relative, err := filepath.Rel(dir, at.Filename); err == nil {
				at.Filename = filepath.ToSlash(relative)
			}
			p[key] = report.Position{File: at.Filename, Line: at.Line, Column: at.Column}
		}
		return true
	})
}

// nameOf returns the plain string in a literal's field Name, and which fields it sets.
func nameOf(literal *ast.CompositeLit) (name string, fields map[string]bool) {
	fields = make(map[string]bool)
	for _, element := range literal.Elts {
		field, ok := element.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		key, ok := field.Key.(*ast.Ident)
		if !ok {
			continue
		}
		fields[key.Name] = true
		if value, ok := field.Value.(*ast.BasicLit); ok && key.Name == "Name" && value.Kind == token.STRING {
			name, _ = strconv.Unquote(value.Value)
		}
	}
	return name, fields
}
