// Package ignore honors //stability:ignore comments: "//stability:ignore name reason" on the line of a finding, or on
// the line before it, silences the named analyzer there. The reason is required.
package ignore

import (
	"go/token"
	"strings"

	"golang.org/x/tools/go/analysis"
)

const prefix = "//stability:ignore"

type mark struct {
	file string
	line int
	name string
}

// Wrap returns a copy of a that honors the comments. A comment without a reason is itself a finding, reported by the
// analyzer that it names.
func Wrap(a *analysis.Analyzer) *analysis.Analyzer {
	w := *a
	w.Run = func(pass *analysis.Pass) (any, error) {
		marks, bad := collect(pass, a.Name)
		for _, pos := range bad {
			pass.Report(analysis.Diagnostic{Pos: pos, Message: "stability:ignore " + a.Name + " needs a reason"})
		}
		if len(marks) == 0 {
			return a.Run(pass)
		}
		inner := *pass
		report := pass.Report
		inner.Report = func(d analysis.Diagnostic) {
			p := pass.Fset.Position(d.Pos)
			for _, line := range []int{p.Line, p.Line - 1} {
				if marks[mark{p.Filename, line, a.Name}] {
					return
				}
			}
			report(d)
		}
		return a.Run(&inner)
	}
	return &w
}

// collect returns the places at which name is silenced, and those of comments that give no reason.
func collect(pass *analysis.Pass, name string) (marks map[mark]bool, bad []token.Pos) {
	for _, f := range pass.Files {
		for _, g := range f.Comments {
			for _, c := range g.List {
				rest, ok := strings.CutPrefix(c.Text, prefix)
				if !ok {
					continue
				}
				words := strings.Fields(rest)
				if len(words) == 0 || !names(words[0], name) {
					continue
				}
				if len(words) == 1 {
					bad = append(bad, c.Pos())
					continue
				}
				p := pass.Fset.Position(c.Pos())
				if marks == nil {
					marks = make(map[mark]bool)
				}
				marks[mark{p.Filename, p.Line, name}] = true
			}
		}
	}
	return marks, bad
}

// names tells whether the word of a comment means the analyzer: by its name, or by the cause that it belongs to.
func names(word, analyzer string) bool {
	cause, _, _ := strings.Cut(analyzer, "_")
	return word == analyzer || word == cause
}
