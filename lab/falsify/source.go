package falsify

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"

	"github.com/falsifiable/stability/lab/falsify/report"
)

// locate finds where the checks are declared, by name: the composite literals which have a Name and an Expr that are
// plain strings. A check that is put together otherwise has no position; nothing but the reports' links needs one.
func locate(files []string, dir string) map[string]report.Position {
	positions := make(map[string]report.Position)
	set := token.NewFileSet()
	for _, path := range files {
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			continue // it compiled a moment ago; somebody is editing
		}
		ast.Inspect(file, func(n ast.Node) bool {
			literal, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			name, at := checkLiteral(literal)
			if _, known := positions[name]; name == "" || known {
				return true
			}
			p := set.Position(at)
			if relative, err := filepath.Rel(dir, p.Filename); err == nil {
				p.Filename = filepath.ToSlash(relative)
			}
			positions[name] = report.Position{File: p.Filename, Line: p.Line, Column: p.Column}
			return true
		})
	}
	return positions
}

func checkLiteral(literal *ast.CompositeLit) (name string, at token.Pos) {
	hasExpr := false
	for _, element := range literal.Elts {
		field, ok := element.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		key, ok := field.Key.(*ast.Ident)
		if !ok {
			continue
		}
		switch key.Name {
		case "Name":
			if value, ok := field.Value.(*ast.BasicLit); ok && value.Kind == token.STRING {
				name, _ = strconv.Unquote(value.Value)
			}
		case "Expr":
			hasExpr = true
		}
	}
	if !hasExpr {
		return "", token.NoPos
	}
	return name, literal.Pos()
}
