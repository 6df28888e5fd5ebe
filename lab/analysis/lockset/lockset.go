package lockset

import (
	_ "embed"
	"go/ast"
	"go/types"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/comments"
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

func run(pass *analysis.Pass) (any, error) {
	if path := pass.Pkg.Path(); path == "sync/atomic" || path == "runtime" || strings.HasPrefix(path, "internal/runtime") {
		return nil, nil // these packages make the rules that we check
	}
	p := newCollector(pass)
	fns := ssabuild.Functions(pass)
	for _, f := range append(fns[:len(fns):len(fns)], ssabuild.Of(pass).Pkg.Func("init")) {
		p.function(f)
	}
	for _, f := range fns {
		p.dynamic(f)
		p.ownLocks = p.ownLocks || spinsOnCAS(f)
	}
	for _, v := range p.order {
		if !p.retired[v] {
			p.judge(v, p.uses[v])
		}
	}
	p.reportMixes(fns)
	spins(pass)
	return nil, nil
}

// judge looks at all accesses of v.
func (p *collector) judge(v *types.Var, all []access) {
	var plain, atomics []access
	assigned := false // other than when it is made
	for _, a := range all {
		switch {
		case a.alone || p.untouched(v, a) || p.isOption(a) || p.initOnly(a.fn, 4) || p.madeByCaller(a.fn, a.param, 4) || p.makesAnew(a):
		case a.atomic:
			atomics = append(atomics, a)
		default:
			plain = append(plain, a)
			assigned = assigned || a.write && !a.entry
		}
	}
	if !assigned { // where the map is does not change: to hand that on touches nothing that others write
		plain = slices.DeleteFunc(plain, func(a access) bool { return a.copies })
	}
	if len(atomics) > 0 {
		if !p.ownLocks {
			p.mixed(v, plain, atomics, all)
		}
		return
	}
	p.guarded(v, plain)
}

// many is how many fields of one value a function sets plainly when it makes the value anew: whoever does that has the value for
// himself, or all is lost anyway: also for what it reads there, as an open does that goes over what it has found in a file.
const many = 3

// makesAnew tells whether a is in such a function. One that a go statement starts may have some fields for itself, and read others
// that it shares.
func (p *collector) makesAnew(a access) bool {
	return !a.atomic && len(a.held.May) == 0 && len(p.resets[whole{a.fn, a.base}]) >= many && (a.write || !p.started(a.fn))
}

// started tells whether a go statement starts f.
func (p *collector) started(f *ssa.Function) bool {
	return slices.ContainsFunc(p.calls[f], func(s callSite) bool { return s.how == alone })
}

// whole is a value in a function.
type whole struct {
	fn   *ssa.Function
	base locks.Place
}

// held returns the locks that are held at x on every way, those of all callers included.
func (p *collector) held(x access) []locks.Held {
	return append(x.held.Must[:len(x.held.Must):len(x.held.Must)], p.inherited(x.fn)...)
}

// guarded reports accesses without the lock that all writes hold.
func (p *collector) guarded(v *types.Var, all []access) {
	var lock string
	writes, with := 0, 0
	var bare, shared []access
	for _, a := range all {
		l := p.guard(v, a)
		if l == "" {
			if p.guardedByWay(v, a) || p.guardedByOther(v, a, all) || p.oneGoroutine(a, all) || p.startedByWriter(a, all) || p.hasToken(a) {
				continue // with the lock on one way and without on another: it may be switched off
			}
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
			if p.mode(v, a, l) == locks.Shared {
				shared = append(shared, a)
			}
		}
	}
	switch {
	case lock == "" || writes == 0:
	case len(bare) > 0:
		p.bare(v, lock, bare, with, all)
	case len(shared) > 0:
		p.underReaders(v, lock, shared, all)
	}
}

// bare reports accesses without the lock, if there are few of them beside those with it.
func (p *collector) bare(v *types.Var, lock string, bare []access, with int, all []access) {
	if v.IsField() && (onlyEntries(all) || p.madeOnce(v, all)) {
		return
	}
	if p.looksFirst(v, lock, bare, all) {
		p.reportAll(v, lock, bare, all)
		return
	}
	least := 3
	if !v.IsField() {
		least = 1
	}
	if with < least*len(bare) || len(bare) > 2 && v.IsField() {
		return
	}
	for _, b := range bare {
		// A lock in the same function was taken for another part of it, or goes by another name; a function whose value is
		// taken runs under the locks of whoever calls it.
		if p.locks[b.fn] || p.loose(b.fn) || p.excused(b) || b.write && v.IsField() && with < 5 {
			return
		}
	}
	p.reportAll(v, lock, bare, all)
}

// reportAll reports each line once.
func (p *collector) reportAll(v *types.Var, lock string, bare, all []access) {
	told := make(map[int]bool)
	for _, b := range bare {
		if line := p.pass.Fset.Position(b.pos).Line; !told[line] {
			told[line] = true
			p.report(v, lock, b, all)
		}
	}
}

// looksFirst tells whether all accesses without the lock are reads of a flag or a number at the beginning of functions that then
// take the lock: such a look before the lock is meant to save it, and is a race with whoever writes under it.
func (p *collector) looksFirst(v *types.Var, lock string, bare, all []access) bool {
	if b, ok := v.Type().Underlying().(*types.Basic); !ok || b.Info()&(types.IsBoolean|types.IsInteger) == 0 || !v.IsField() {
		return false
	}
	writes := slices.ContainsFunc(all, func(a access) bool {
		return a.write && p.guard(v, a) == lock && !slices.ContainsFunc(bare, func(b access) bool { return b.fn == a.fn })
	})
	if !writes {
		return false
	}
	for _, b := range bare {
		if b.write || !decides(b.in) || p.loose(b.fn) || p.excused(b) || !p.locksLater(b, lock) {
			return false
		}
	}
	return true
}

// decides tells whether a branch asks for the value that in loads.
func decides(in ssa.Instruction) bool {
	load, ok := in.(*ssa.UnOp)
	return ok && asked(load, 3)
}

func asked(v ssa.Value, depth int) bool {
	return depth > 0 && slices.ContainsFunc(*v.Referrers(), func(r ssa.Instruction) bool {
		switch r := r.(type) {
		case *ssa.If:
			return true
		case *ssa.UnOp, *ssa.BinOp:
			return asked(r.(ssa.Value), depth-1)
		}
		return false
	})
}

// locksLater tells whether the function takes the lock of the same value after the access.
func (p *collector) locksLater(b access, lock string) bool {
	want := locks.Place{Root: b.base.Root, Fields: b.base.Fields + "." + lock}
	return slices.ContainsFunc(p.takes[b.fn], func(in ssa.Instruction) bool {
		op := locks.OpOf(in.(ssa.CallInstruction))
		return op.Lock == want && mayPrecede(b.in, in, nil) && !mayPrecede(in, b.in, nil)
	})
}

// madeOnce tells whether all writes of v give it its first value, where it was found to be nil: once it has one, it keeps it,
// and whoever has come by such a write may read it without the lock.
func (p *collector) madeOnce(v *types.Var, all []access) bool {
	some := false
	for _, a := range all {
		if a.write && !a.alone {
			if !a.first {
				return false
			}
			some = true
		}
	}
	return some
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

// excused tells whether the function of a says, by its name or its comments, that its callers hold the lock, or see to it that
// nobody else is there.
func (p *collector) excused(a access) bool {
	f := a.fn
	for f.Parent() != nil {
		f = f.Parent()
	}
	d, ok := f.Syntax().(*ast.FuncDecl)
	if heldByName.MatchString(f.Name()) || strings.Contains(f.Name(), "ForTest") || ok && excuse.MatchString(d.Doc.Text()) {
		return true
	}
	return ok && excuse.MatchString(comments.Above(p.pass, a.pos))
}

// heldByName matches names that say who takes the lock: addLocked, flushNoLocking, register_NeedsSubMuxLock, flushUnsafe.
var heldByName = regexp.MustCompile(`(?i)(locked|without_?lock(ing)?|no_?lock(ing)?|lock_?held|under_?lock|unsafe)$|needs_?\w*(lock|mu|mutex)$`)

var excuse = regexp.MustCompile(`(?is)(lock|mu|mutex)\b.{0,60}\b(held|holds?|holding)\b|\b(held|holds?|holding)\b.{0,60}(lock|mu|mutex)\b|` +
	`\b(callers?|assum(es?|ing))\b.{0,60}\b(lock|locks|locking|mu|mutex|shared access|exclusive access)\b|` +
	`\bfor test(s|ing)?\b|\bmust (only )?be called\b|\b(not|never|no)\b.{0,40}\bconcurrent`)

// underReaders reports writes under a read lock, which two readers may do at the same time, if others take the whole lock for
// the variable.
func (p *collector) underReaders(v *types.Var, lock string, weak, all []access) {
	whole := 0
	for _, a := range all {
		if p.guard(v, a) == lock && p.mode(v, a, lock) == locks.Exclusive {
			whole++
		}
	}
	if whole < len(weak) || len(weak) > 2 {
		return
	}
	for _, w := range weak {
		if p.loose(w.fn) || p.excused(w) {
			return
		}
	}
	for _, w := range weak {
		p.pass.Report(analysis.Diagnostic{Pos: w.pos, Message: v.Name() + " is written under a read lock of " + lock +
			", which others may hold at the same time: a data race. Take the whole lock for this; or, for a lone number, make it an atomic type",
			Related: takenAt(w.held.Must)})
	}
}

func takenAt(held []locks.Held) (out []analysis.RelatedInformation) {
	for _, h := range held {
		if h.Taken != nil {
			out = append(out, analysis.RelatedInformation{Pos: h.Taken.Pos(), Message: h.Lock.String() + " is locked here"})
		}
	}
	return out
}

func (p *collector) report(v *types.Var, lock string, b access, all []access) {
	what, mend := "read", "Take the lock for this read too"
	if b.write {
		what, mend = "written", "Take the lock here too"
	}
	d := analysis.Diagnostic{Pos: b.pos, Message: v.Name() + " is " + what + " without " + lock + ", which guards it everywhere else: a data race. " + mend}
	if _, number := v.Type().Underlying().(*types.Basic); number {
		d.Message += "; or, for a lone number, make it an atomic type"
	}
	for _, a := range all {
		if a.write && a.pos != b.pos && p.guard(v, a) == lock {
			d.Related = append(d.Related, analysis.RelatedInformation{Pos: a.pos, Message: "a guarded write in " + a.fn.Name()})
			break
		}
	}
	if fix := p.lockFix(v, lock, b); fix != nil && !p.mended[b.fn] { // one lock at the start of a function is enough
		p.mended[b.fn] = true
		d.SuggestedFixes = []analysis.SuggestedFix{*fix}
	}
	p.pass.Report(d)
}

// guard returns the lock beside v that is held at a, as the value that v belongs to names it: for a field, a lock of the same
// value; for a package variable, a lock in a package variable.
func (p *collector) guard(v *types.Var, a access) string { return guardIn(v, a, p.held(a)) }

func guardIn(v *types.Var, a access, held []locks.Held) string {
	for _, h := range held {
		if v.IsField() {
			if rest, ok := h.Lock.Within(a.base); ok && rest != "" {
				return rest[1:]
			}
			continue
		}
		if h.Lock.Global() {
			return h.Lock.String()
		}
	}
	return ""
}

// guardedByWay tells whether v's lock is held at a on some way.
func (p *collector) guardedByWay(v *types.Var, a access) bool { return guardIn(v, a, a.held.May) != "" }

// guardedByOther tells whether another lock than the one beside v is held at a, and at each write of v as well: two keep a
// writer out, and a reader needs one of them.
func (p *collector) guardedByOther(v *types.Var, a access, all []access) bool {
	if a.write {
		return false
	}
	for _, h := range p.held(a) {
		kind := h.Lock.Kind()
		if kind == (locks.Class{}) {
			continue
		}
		writes := 0
		if !slices.ContainsFunc(all, func(w access) bool {
			if !w.write {
				return false
			}
			writes++
			return !slices.ContainsFunc(p.held(w), func(g locks.Held) bool { return g.Lock.Kind() == kind })
		}) && writes > 0 {
			return true
		}
	}
	return false
}

// mode is how the lock is held at a.
func (p *collector) mode(v *types.Var, a access, lock string) locks.Mode {
	mode := locks.Shared
	for _, h := range p.held(a) {
		if guardIn(v, a, []locks.Held{h}) == lock {
			mode = max(mode, h.Mode)
		}
	}
	return mode
}

// inInit tells whether f is an init function, that of the package's variables, or a literal in one.
func inInit(f *ssa.Function) bool {
	for f.Parent() != nil {
		f = f.Parent()
	}
	return f.Name() == "init" || strings.HasPrefix(f.Name(), "init#")
}
