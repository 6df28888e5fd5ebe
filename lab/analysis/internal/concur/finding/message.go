package finding

import (
	"go/token"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/tools/go/analysis"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/ir"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/search"
)

// maxSteps is how much of a path a message tells: its end.
const maxSteps = 12

// Message says the finding in words: where goroutines are stuck, and how they got there.
func (f *Finding) Message(fset *token.FileSet) string {
	var sb strings.Builder
	if f.Crash != nil {
		sb.WriteString(f.Crash.Kind.What + " can happen here")
		f.path(&sb, fset)
		return sb.String()
	}
	main := f.Main()
	sb.WriteString(Words(main) + " blocks forever on some path")
	switch {
	case main.Wait.Nil:
		sb.WriteString(": the channel is nil")
	case main.Holder >= 0 && main.Holder == main.Goroutine:
		sb.WriteString(": this goroutine took the lock itself at " + place(fset, main.Wait.Other))
	case main.Holder >= 0:
		sb.WriteString(": the lock was taken at " + place(fset, main.Wait.Other))
	}
	told := map[token.Pos]bool{main.Pos: true}
	for i := range f.Stuck {
		if s := &f.Stuck[i]; !told[s.Pos] {
			told[s.Pos] = true
			sb.WriteString("; " + Words(s) + " at " + place(fset, s.Pos) + " is stuck too")
		}
	}
	f.path(&sb, fset)
	return sb.String()
}

// Words says what a goroutine waits in, such as "send on results" or "s.mu.Lock".
func Words(s *search.Stuck) string {
	operand, name := ir.Describe(s.Operand), s.Wait.Kind.Name
	if before, after, ok := strings.Cut(name, "%"); ok {
		if operand == "" {
			operand = "a channel"
		}
		return before + operand + after
	}
	if operand == "" {
		return name
	}
	return operand + "." + name[strings.LastIndex(name, ".")+1:]
}

// path tells the last steps of the run.
func (f *Finding) path(sb *strings.Builder, fset *token.FileSet) {
	steps := f.Path
	if len(steps) == 0 {
		return
	}
	sb.WriteString(" (path from " + f.Root.Name() + ": ")
	if len(steps) > maxSteps {
		steps = steps[len(steps)-maxSteps:]
		sb.WriteString("... ")
	}
	for i, s := range steps {
		if i > 0 {
			sb.WriteString(", ")
		}
		if s.Goroutine >= 0 {
			sb.WriteString("g" + strconv.Itoa(s.Goroutine) + " ")
		}
		sb.WriteString(s.Text)
		if s.Pos.IsValid() {
			sb.WriteString(" at " + place(fset, s.Pos))
		}
	}
	sb.WriteString(")")
}

func place(fset *token.FileSet, p token.Pos) string {
	pos := fset.Position(p)
	return filepath.Base(pos.Filename) + ":" + strconv.Itoa(pos.Line)
}

// Origin is what the diagnostic of a goroutine that is stuck says of the place where what it waits for was made. Several that wait
// for one thing have one cause.
const Origin = "what it waits for comes from here"

// Report makes the diagnostic of f.
func (f *Finding) Report(pass *analysis.Pass) {
	d := analysis.Diagnostic{Pos: f.Pos(), Message: f.Message(pass.Fset)}
	seen := map[token.Pos]bool{d.Pos: true}
	relate := func(p token.Pos, msg string) {
		if p.IsValid() && !seen[p] {
			seen[p] = true
			d.Related = append(d.Related, analysis.RelatedInformation{Pos: p, Message: msg})
		}
	}
	if f.Crash != nil {
		relate(f.Crash.Other, "the other side")
		pass.Report(d)
		return
	}
	main := f.Main()
	for i := range f.Stuck {
		if s := &f.Stuck[i]; s != main {
			relate(s.Pos, Words(s)+" is stuck too")
		}
	}
	relate(main.Wait.Other, Origin)
	relate(main.Spawned, "the goroutine is started here")
	pass.Report(d)
}
