package concur

import (
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/ssabuild"
)

// Analyzer explores a package once for all analyzers that report what it finds: channelblock, lockorder, goroutineleak.
// Its result is a []Finding. It reports nothing itself.
var Analyzer = &analysis.Analyzer{
	Name:       "concur",
	Doc:        "explore the interleavings of the functions of a package; used by channelblock, lockorder and goroutineleak",
	Requires:   []*analysis.Analyzer{ssabuild.Analyzer},
	ResultType: reflect.TypeFor[[]Finding](),
	Run:        run,
}

func run(pass *analysis.Pass) (any, error) {
	prog := ssabuild.Of(pass)
	roots := tested(pass, Roots(prog.SrcFuncs))
	if len(roots) == 0 {
		return []Finding(nil), nil
	}
	e := NewExplorer(prog.Pkg, prog.SrcFuncs, Limits{})
	e.Strict = os.Getenv("STABILITY_VET_STRICT") != ""
	seen := make(map[token.Pos]bool)
	var out []Finding
	for _, f := range e.ExploreAll(roots) {
		if news := f.sites(seen); news {
			out = append(out, f)
		}
	}
	return out, nil
}

// tested leaves out the functions of test files, unless the package has no others. A test drives the package with
// fakes through paths that the package itself never takes, and its leaks end with it.
func tested(pass *analysis.Pass, roots []*ssa.Function) []*ssa.Function {
	if strings.HasSuffix(pass.Pkg.Name(), "_test") {
		return nil
	}
	inTest := func(p token.Pos) bool { return strings.HasSuffix(pass.Fset.Position(p).Filename, "_test.go") }
	if !slices.ContainsFunc(pass.Files, func(f *ast.File) bool { return !inTest(f.Package) }) {
		return roots
	}
	return slices.DeleteFunc(roots, func(f *ssa.Function) bool { return inTest(f.Pos()) })
}

// sites tells whether f shows a place that seen does not have yet, and adds its places.
func (f *Finding) sites(seen map[token.Pos]bool) bool {
	news := false
	add := func(p token.Pos) {
		news = news || !seen[p]
		seen[p] = true
	}
	if f.Crash != nil {
		add(f.Crash.Pos)
	}
	if len(f.Blocked) > 0 {
		// Two findings with the same main place are one.
		p := f.Main().Pos
		news = !seen[p]
		for _, b := range f.Blocked {
			seen[b.Pos] = true
		}
	}
	return news
}

// Kind is the subject of a finding.
type Kind uint8

const (
	// Channel: a goroutine waits for a channel, a WaitGroup or a Cond.
	Channel Kind = iota
	// Lock: all wait for locks or Onces.
	Lock
	// Context: all wait for a context that nobody can end.
	Context
)

// Kind returns the subject of f.
func (f *Finding) Kind() Kind {
	if f.Crash != nil {
		if strings.Contains(f.Crash.What, "ock") && !strings.Contains(f.Crash.What, "channel") {
			return Lock
		}
		return Channel
	}
	kind := Lock
	allContext := true
	for _, b := range f.Blocked {
		if !b.Context {
			allContext = false
		}
		switch b.Op {
		case "Lock", "RLock", "Once.Do":
		default:
			kind = Channel
		}
	}
	if allContext {
		return Context
	}
	return kind
}

// Main returns the goroutine to report: one that reads twice if there is one, else one that waits for a channel or a Cond,
// and rather one that was started than the root.
func (f *Finding) Main() *Blocked {
	best, score := &f.Blocked[0], -1
	for i := range f.Blocked {
		b := &f.Blocked[i]
		s := 0
		switch b.Op {
		case "send", "receive", "select", "Cond.Wait":
			s = 4
		case "Lock", "RLock":
			s = 2
		}
		if b.Goroutine > 0 {
			s++
		}
		if b.Again {
			s = 6 // the others are in the right
		}
		if s > score {
			best, score = b, s
		}
	}
	return best
}

// maxSteps is how much of a path a message tells.
const maxSteps = 10

// Message says the finding in words: where goroutines are stuck, and how they got there.
func (f *Finding) Message(fset *token.FileSet) string {
	var sb strings.Builder
	if f.Crash != nil {
		sb.WriteString(f.Crash.What + " can happen here")
		f.path(&sb, fset)
		return sb.String()
	}
	main := f.Main()
	sb.WriteString(main.words() + " blocks forever on some path")
	switch {
	case main.Nil && main.Op != "select":
		sb.WriteString(": the channel is nil")
	case main.Holder >= 0 && main.Holder == main.Goroutine:
		sb.WriteString(": this goroutine took the lock itself at " + place(fset, main.Other))
	case main.Holder >= 0:
		sb.WriteString(": the lock was taken at " + place(fset, main.Other))
	}
	told := map[token.Pos]bool{main.Pos: true}
	for i := range f.Blocked {
		if b := &f.Blocked[i]; !told[b.Pos] {
			told[b.Pos] = true
			sb.WriteString("; " + b.words() + " at " + place(fset, b.Pos) + " is stuck too")
		}
	}
	f.path(&sb, fset)
	return sb.String()
}

func (b *Blocked) words() string {
	obj := b.Object
	if obj == "?" || obj == "it" || obj == "" {
		obj = ""
	}
	switch b.Op {
	case "send":
		return strings.TrimSpace("send on " + orChannel(obj))
	case "receive":
		return strings.TrimSpace("receive from " + orChannel(obj))
	case "select":
		return "select"
	}
	if obj == "" {
		return b.Op
	}
	return obj + "." + strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(b.Op, "WaitGroup."), "Cond."), "Once.")
}

func orChannel(obj string) string {
	if obj == "" {
		return "a channel"
	}
	return obj
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

// Report makes the diagnostic of f.
func (f *Finding) Report(pass *analysis.Pass) {
	d := analysis.Diagnostic{Message: f.Message(pass.Fset)}
	if f.Crash != nil {
		d.Pos = f.Crash.Pos
		if f.Crash.Other.IsValid() {
			d.Related = append(d.Related, analysis.RelatedInformation{Pos: f.Crash.Other, Message: "the other side"})
		}
		pass.Report(d)
		return
	}
	main := f.Main()
	d.Pos = main.Pos
	seen := map[token.Pos]bool{d.Pos: true}
	relate := func(p token.Pos, msg string) {
		if p.IsValid() && !seen[p] {
			seen[p] = true
			d.Related = append(d.Related, analysis.RelatedInformation{Pos: p, Message: msg})
		}
	}
	for i := range f.Blocked {
		if b := &f.Blocked[i]; b != main {
			relate(b.Pos, b.words()+" is stuck too")
		}
	}
	relate(main.Other, "what it waits for comes from here")
	relate(main.Spawn, "the goroutine is started here")
	pass.Report(d)
}
