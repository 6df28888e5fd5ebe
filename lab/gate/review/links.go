package review

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/falsifiable/stability/lab/gate/repo"
)

// blob matches the path of a link to a file at a commit, as GitHub, GitLab and Gitea write it.
var blob = regexp.MustCompile(`/(?:-/)?(?:blob|src/commit|src/branch|src)/([^/]+)/(.+)$`)

// lines matches the part of a link after #, for one line or some: L12, L12-L20, L12-20, lines-12:20.
var lines = regexp.MustCompile(`^(?:L|lines-)(\d+)(?:C\d+)?(?:[-:]L?(\d+)(?:C\d+)?)?$`)

var commitID = regexp.MustCompile(`^[0-9a-f]{7,64}$`)

// resolve says what is wrong with a link from a document, "" for nothing. What it leads to must be a check, at the commit that
// it names: a link to a branch leads elsewhere tomorrow.
func resolve(ctx context.Context, r *repo.Repo, document string, l link) (wrong, mend string) {
	u, err := url.Parse(l.target)
	if err != nil {
		return fmt.Sprintf("%q is no link", l.target), "as [heap_inuse](internal/sla.go#L41)"
	}
	span := lines.FindStringSubmatch(u.Fragment)
	if span == nil {
		return fmt.Sprintf("%s names no line", l.target), "end it in #L41, or in #L41-L44"
	}
	first, _ := strconv.Atoi(span[1])
	last := first
	if span[2] != "" {
		last, _ = strconv.Atoi(span[2])
	}
	file, content, wrong := read(ctx, r, document, u)
	if wrong != "" {
		return wrong, "link a file of this repository, relative or at a commit"
	}
	names, err := checksAt(file, content, first, last)
	switch {
	case err != nil:
		return fmt.Sprintf("%s cannot be read as Go: %v", file, err), "link Go source"
	case len(names) == 0:
		return fmt.Sprintf("there is no check in line %s of %s", strings.TrimPrefix(u.Fragment, "L"), file),
			"the lines of a Check literal, or of its go:generate stability-contract line; they move when the file is edited"
	}
	if text := strings.Trim(l.text, "`* "); len(names) == 1 && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == "" && strings.Contains(text, "_") && text != names[0] {
		return fmt.Sprintf("the link says %s and leads to check %s", text, names[0]), "correct the one or the other"
	}
	return "", ""
}

// read returns the file that a link leads to.
func read(ctx context.Context, r *repo.Repo, document string, u *url.URL) (file string, content []byte, wrong string) {
	if u.Host == "" && u.Scheme == "" {
		file = path.Join(path.Dir(document), u.Path)
		if strings.HasPrefix(u.Path, "/") {
			file = strings.TrimPrefix(u.Path, "/")
		}
		if strings.HasPrefix(file, "../") {
			return "", nil, u.Path + " leads out of the repository"
		}
		content, err := os.ReadFile(filepath.Join(r.Root, filepath.FromSlash(file)))
		if err != nil {
			return "", nil, "there is no file " + file
		}
		return file, content, ""
	}
	match := blob.FindStringSubmatch(u.Path)
	if match == nil {
		return "", nil, u.String() + " is no link to a line of a file"
	}
	if !commitID.MatchString(match[1]) {
		return "", nil, fmt.Sprintf("%s leads to a branch, %s: its lines move", u.String(), match[1])
	}
	content, err := r.Show(ctx, match[1], match[2])
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil, fmt.Sprintf("there is no file %s at commit %s here", match[2], match[1])
	}
	if err != nil {
		return "", nil, err.Error()
	}
	return match[2], content, ""
}

// checksAt returns the names of the checks that stand in these lines: literals with a Name and an Expr, and the line that
// generates some.
func checksAt(file string, content []byte, first, last int) ([]string, error) {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, content, parser.SkipObjectResolution|parser.ParseComments)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, group := range parsed.Comments {
		for _, c := range group.List {
			if line := set.Position(c.Pos()).Line; line >= first && line <= last && strings.HasPrefix(c.Text, "//go:generate") && strings.Contains(c.Text, "stability-contract") {
				names = append(names, "go:generate")
			}
		}
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		literal, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		from, to := set.Position(literal.Pos()).Line, set.Position(literal.End()).Line
		if to < first || from > last {
			return false
		}
		if name := checkName(literal); name != "" {
			names = append(names, name)
			return false
		}
		return true
	})
	return names, nil
}

// checkName returns the name of a check literal, "" for any other.
func checkName(literal *ast.CompositeLit) string {
	name, expr := "", false
	for _, element := range literal.Elts {
		pair, ok := element.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		key, ok := pair.Key.(*ast.Ident)
		if !ok {
			continue
		}
		switch key.Name {
		case "Name":
			if value, ok := pair.Value.(*ast.BasicLit); ok {
				name, _ = strconv.Unquote(value.Value)
			}
		case "Expr":
			expr = true
		}
	}
	if !expr {
		return ""
	}
	return name
}
