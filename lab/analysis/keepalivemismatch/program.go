package keepalivemismatch

import (
	"go/ast"
	"go/token"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// imported is what a package that this one imports, in one step or more, says about keepalive.
type imported struct {
	*parameters
	path string
}

func imports(pass *analysis.Pass) (out []imported) {
	for _, f := range pass.AllPackageFacts() {
		if p, ok := f.Fact.(*parameters); ok && f.Package != pass.Pkg {
			out = append(out, imported{p, f.Package.Path()})
		}
	}
	slices.SortFunc(out, func(a, b imported) int { return strings.Compare(a.path, b.path) })
	return out
}

// strangers reports clients and servers that meet in this program only: neither of their packages imports the other, where
// they would have been compared.
func strangers(pass *analysis.Pass, packages []imported) {
	for _, p := range packages {
		for _, q := range packages {
			if p.path == q.path || slices.Contains(p.Compared, q.path) || slices.Contains(q.Compared, p.path) {
				continue
			}
			for _, c := range p.Clients {
				for _, s := range q.Policies {
					if msg := mismatch(c, s); msg != "" {
						pass.Reportf(meeting(pass, p.path, q.path), "%s (the client is at %s, the server at %s)", msg, c.Where, s.Where)
					}
				}
			}
		}
	}
}

// meeting returns the place where the program imports one of the packages: the first of them if it can; its package clause
// if it imports neither by itself.
func meeting(pass *analysis.Pass, paths ...string) token.Pos {
	for _, path := range paths {
		for _, f := range pass.Files {
			if i := slices.IndexFunc(f.Imports, func(s *ast.ImportSpec) bool {
				p, err := strconv.Unquote(s.Path.Value)
				return err == nil && p == path
			}); i >= 0 {
				return f.Imports[i].Pos()
			}
		}
	}
	return pass.Files[0].Name.Pos()
}
