package lockset

import (
	_ "embed"
	"go/ast"
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/docs"
	"github.com/falsifiable/stability/lab/analysis/internal/locks"
	"github.com/falsifiable/stability/lab/analysis/internal/ssabuild"
)

//go:embed doc.go
var doc string

// Analyzer reports inconsistent locking.
var Analyzer = &analysis.Analyzer{
	Name:     "lockset",
	Doc:      docs.Extract(doc),
	URL:      docs.URL("lockset"),
	Requires: []*analysis.Analyzer{ssabuild.Analyzer},
	Run:      run,
}

// access is one read or write of a variable.
type access struct {
	pos    token.Pos
	fn     *ssa.Function
	write  bool
	atomic bool
	locks  []string // held, as locks.Walker names them
	base   string   // path of the value that the field belongs to
	param  int      // index of the parameter that is that value, or -1
	entry  bool     // of an entry of the map that the variable holds
	fresh  bool     // of a value made in this function
	joined bool     // after a WaitGroup's Wait: those who share the variable have ended
}

func run(pass *analysis.Pass) (any, error) {
	if path := pass.Pkg.Path(); path == "sync/atomic" || path == "runtime" || strings.HasPrefix(path, "internal/runtime") {
		return nil, nil // these packages make the rules that we check
	}
	prog := ssabuild.Of(pass)
	p := &collector{pass: pass, uses: make(map[*types.Var][]access), calls: make(map[*ssa.Function][]callSite),
		invoked: make(map[string]*ssa.Function), retired: make(map[*types.Var]bool), walker: locks.NewWalker()}
	var fns []*ssa.Function
	var visit func(*ssa.Function)
	visit = func(f *ssa.Function) {
		if strings.HasSuffix(pass.Fset.Position(f.Pos()).Filename, "_test.go") {
			return
		}
		fns = append(fns, f)
		for _, a := range f.AnonFuncs {
			visit(a)
		}
	}
	for _, f := range prog.SrcFuncs {
		visit(f)
	}
	for _, f := range append(fns, prog.Pkg.Func("init")) {
		p.function(f)
	}
	for _, f := range fns {
		p.dynamic(f)
	}
	for _, v := range p.order {
		if !p.retired[v] {
			p.judge(v, p.uses[v])
		}
	}
	spins(pass)
	return nil, nil
}

// judge looks at all accesses of v.
func (p *collector) judge(v *types.Var, all []access) {
	var plain, atomics []access
	for _, a := range all {
		switch {
		case a.fresh || a.joined || p.initOnly(a.fn, 4) || p.madeByCaller(a.fn, a.param, 4):
		case a.atomic:
			atomics = append(atomics, a)
		default:
			plain = append(plain, a)
		}
	}
	if len(atomics) > 0 {
		p.mixed(v, plain, atomics[0])
		return
	}
	p.guarded(v, plain)
}

// mixed reports plain accesses of a variable that is accessed atomically elsewhere.
func (p *collector) mixed(v *types.Var, plain []access, a access) {
	for _, x := range plain {
		if len(p.held(x)) > 0 { // a lock and atomics together: a pattern of its own (fast path, slow path)
			continue
		}
		p.pass.Report(analysis.Diagnostic{Pos: x.pos,
			Message: v.Name() + " is accessed by sync/atomic elsewhere: a plain access beside it is a data race; use an atomic type, which has no plain access",
			Related: []analysis.RelatedInformation{{Pos: a.pos, Message: "an atomic access"}}})
	}
}

// held returns the locks that are held at x, those of all callers included.
func (p *collector) held(x access) []string {
	return append(x.locks[:len(x.locks):len(x.locks)], p.inherited(x.fn)...)
}

// guarded reports accesses without the lock that all writes hold.
func (p *collector) guarded(v *types.Var, all []access) {
	var lock string
	writes, with := 0, 0
	var bare, shared []access
	for _, a := range all {
		l := p.guard(v, a)
		if l == "" {
			bare = append(bare, a)
			continue
		}
		if lock != "" && l != lock {
			return // two locks: no rule that we could see
		}
		lock = l
		with++
		if a.write {
			writes++
			if !slices.ContainsFunc(p.held(a), exclusive) {
				shared = append(shared, a)
			}
		}
	}
	switch {
	case lock == "" || writes == 0:
	case len(bare) > 0:
		p.bare(v, lock, bare, with, all)
	case len(shared) > 0:
		p.shared(v, lock, shared, all)
	}
}

// exclusive tells whether the entry of a held lock says that it is held for writing.
func exclusive(l string) bool { return strings.HasSuffix(l, "!") }

// bare reports accesses without the lock, if there are few of them beside those with it.
func (p *collector) bare(v *types.Var, lock string, bare []access, with int, all []access) {
	least := 3
	if !v.IsField() {
		least = 1
	}
	if with < least*len(bare) || len(bare) > 2 && v.IsField() || v.IsField() && onlyEntries(all) {
		return
	}
	for _, b := range bare {
		// A lock in the same function was taken for another part of it, or goes by another name; a function whose value is
		// taken runs under the locks of whoever calls it.
		if p.locks[b.fn] || p.loose(b.fn) || excused(b.fn) || b.write && v.IsField() && with < 5 {
			return
		}
	}
	for _, b := range bare {
		p.report(v, lock, b, all)
	}
}

// onlyEntries tells whether one function alone writes, and nothing but entries of a map: then what reads may well be in step
// with it.
func onlyEntries(all []access) bool {
	var writer *ssa.Function
	for _, a := range all {
		if a.write && (!a.entry || writer != nil && writer != a.fn) {
			return false
		}
		if a.write {
			writer = a.fn
		}
	}
	return true
}

// excused tells whether f says, by its name or its comment, that its callers hold the lock, or see to it that nobody else is
// there.
func excused(f *ssa.Function) bool {
	for f.Parent() != nil {
		f = f.Parent()
	}
	d, ok := f.Syntax().(*ast.FuncDecl)
	return strings.HasSuffix(f.Name(), "Locked") || strings.Contains(f.Name(), "ForTest") || ok && excuse.MatchString(d.Doc.Text())
}

var excuse = regexp.MustCompile(`(?is)(lock|mu|mutex)\b.{0,60}\b(held|holds?|holding)\b|\b(held|holds?|holding)\b.{0,60}(lock|mu|mutex)\b|` +
	`\bfor test(s|ing)?\b|\bmust (only )?be called\b|\b(not|never|no)\b.{0,40}\bconcurrent`)

// shared reports writes under a read lock, which two readers may do at the same time, if others take the whole lock for
// the variable.
func (p *collector) shared(v *types.Var, lock string, weak, all []access) {
	whole := 0
	for _, a := range all {
		if slices.ContainsFunc(p.held(a), exclusive) {
			whole++
		}
	}
	if whole < len(weak) || len(weak) > 2 {
		return
	}
	for _, w := range weak {
		if p.loose(w.fn) || excused(w.fn) {
			return
		}
	}
	for _, w := range weak {
		p.pass.Report(analysis.Diagnostic{Pos: w.pos, Message: v.Name() + " is written under a read lock of " + lock +
			", which others may hold at the same time: a data race. Take the whole lock for this; or, for a lone number, make it an atomic type"})
	}
}

func (p *collector) report(v *types.Var, lock string, b access, all []access) {
	what := "read"
	if b.write {
		what = "written"
	}
	d := analysis.Diagnostic{Pos: b.pos, Message: v.Name() + " is " + what + " without " + lock +
		", which guards it everywhere else: a data race. Take the lock here too; or, for a lone number, make it an atomic type; an RWMutex pays only for long, frequent reads"}
	for _, a := range all {
		if a.write && a.pos != b.pos {
			d.Related = append(d.Related, analysis.RelatedInformation{Pos: a.pos, Message: "a guarded write"})
			break
		}
	}
	if fix := p.lockFix(v, lock, b); fix != nil {
		d.SuggestedFixes = []analysis.SuggestedFix{*fix}
	}
	p.pass.Report(d)
}

// lockFix inserts "Lock; defer Unlock" at the start of the function, if it takes no lock itself.
func (p *collector) lockFix(v *types.Var, lock string, b access) *analysis.SuggestedFix {
	if b.fn.Syntax() == nil || b.fn.Parent() != nil || p.locks[b.fn] {
		return nil
	}
	body := bodyOf(b.fn.Syntax())
	if body == nil {
		return nil
	}
	name := lock
	if v.IsField() {
		if len(b.fn.Params) == 0 || b.fn.Signature.Recv() == nil || b.base != b.fn.Params[0].Name() {
			return nil
		}
		name = b.fn.Params[0].Name() + "." + lock
	}
	return &analysis.SuggestedFix{Message: "Take " + name + " here too", TextEdits: []analysis.TextEdit{
		{Pos: body.Lbrace + 1, End: body.Lbrace + 1, NewText: []byte("\n\t" + name + ".Lock()\n\tdefer " + name + ".Unlock()")}}}
}

func bodyOf(n ast.Node) *ast.BlockStmt {
	if f, ok := n.(*ast.FuncDecl); ok {
		return f.Body
	}
	return nil
}

// guard returns the lock beside v that a holds: for a field, a lock of the same struct value; for a package variable, a
// lock in a package variable.
func (p *collector) guard(v *types.Var, a access) string {
	for _, l := range locks.Plain(p.held(a)) {
		if v.IsField() {
			if rest, ok := strings.CutPrefix(l, a.base+"."); ok {
				return rest
			}
			continue
		}
		if strings.HasPrefix(l, "@") {
			return l[1:]
		}
	}
	return ""
}

// inInit tells whether f is an init function, that of the package's variables, or a literal in one.
func inInit(f *ssa.Function) bool {
	for f.Parent() != nil {
		f = f.Parent()
	}
	return f.Name() == "init" || strings.HasPrefix(f.Name(), "init#")
}
