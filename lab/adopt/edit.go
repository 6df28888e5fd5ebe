package adopt

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
)

// edit is a change of a file: at byte offset at, drop bytes are replaced by text.
type edit struct {
	at, drop int
	text     string
	imports  string // a package that the text needs besides ours
}

// edits returns what has to be done at a place where a handler is given to a server.
func (s site) edits() []edit {
	switch s.kind {
	case wrapHandler:
		handler := s.text
		if handler == "nil" {
			return []edit{{s.start, s.end - s.start, "stabilitywatch.Middleware(http.DefaultServeMux)", "net/http"}}
		}
		if strings.HasPrefix(handler, "stabilitywatch.") {
			return nil
		}
		return []edit{{at: s.start, text: "stabilitywatch.Middleware("}, {at: s.end, text: ")"}}
	case runGin:
		receiver, rest, _ := strings.Cut(s.text, ".Run(")
		address := strings.TrimSuffix(rest, ")")
		if strings.TrimSpace(address) == "" {
			address = "stabilitywatch.GinAddress()"
		}
		return []edit{{s.start, s.end - s.start, "http.ListenAndServe(" + address + ", stabilitywatch.Middleware(" + receiver + "))", "net/http"}}
	case useEcho:
		receiver, _, _ := strings.Cut(s.text, ".Start(")
		// e.Start is mostly an argument or in an if, so the middleware is put around its receiver.
		return []edit{{s.start, len(receiver), "stabilitywatch.Echo(" + receiver + ")", ""}}
	}
	return nil
}

// mainLine returns the line at the top of main.
func mainLine(file string) (edit, error) {
	source, err := os.ReadFile(file)
	if err != nil {
		return edit{}, fmt.Errorf("adopt: %w", err)
	}
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, source, parser.SkipObjectResolution)
	if err != nil {
		return edit{}, fmt.Errorf("adopt: %w", err)
	}
	for _, d := range parsed.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "main" {
			return edit{at: set.Position(fn.Body.Lbrace).Offset + 1, text: "\n\tdefer stabilitywatch.Start()()\n"}, nil
		}
	}
	return edit{}, fmt.Errorf("adopt: %s has no func main", file)
}

// addImports adds the imports that the edits need and the file lacks.
func addImports(file string, source []byte, ours string, list []edit) ([]byte, error) {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, source, parser.ImportsOnly)
	if err != nil {
		return nil, fmt.Errorf("adopt: %s after the change: %w", file, err)
	}
	needed := []string{ours}
	for _, e := range list {
		if e.imports != "" {
			needed = append(needed, e.imports)
		}
	}
	var lines strings.Builder
	for _, path := range needed {
		quoted := strconv.Quote(path)
		present := strings.Contains(lines.String(), quoted)
		for _, spec := range parsed.Imports {
			present = present || spec.Path.Value == quoted && spec.Name == nil
		}
		if !present {
			fmt.Fprintf(&lines, "\n\t%s", quoted)
		}
	}
	if lines.Len() == 0 {
		return source, nil
	}
	for _, d := range parsed.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.IMPORT && g.Lparen.IsValid() {
			at := set.Position(g.Rparen).Offset
			return []byte(string(source[:at]) + lines.String() + "\n" + string(source[at:])), nil
		}
	}
	at := set.Position(parsed.Name.End()).Offset
	return []byte(string(source[:at]) + "\n\nimport (" + lines.String() + "\n)\n" + string(source[at:])), nil
}
