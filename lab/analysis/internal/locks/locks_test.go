package locks

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/ssa"
	"golang.org/x/tools/go/ssa/ssautil"
)

const src = `package a

import "sync"

type T struct {
	mu sync.Mutex
	rw sync.RWMutex
	in struct{ mu sync.Mutex }
	off bool
	many []struct{ mu sync.Mutex }
}

var global sync.Mutex

func at() {}

func (t *T) plain()   { t.mu.Lock(); at(); t.mu.Unlock() }
func (t *T) after()   { t.mu.Lock(); t.mu.Unlock(); at() }
func (t *T) deferred() { t.rw.RLock(); defer t.rw.RUnlock(); at() }
func (t *T) nested()  { t.in.mu.Lock(); global.Lock(); at(); global.Unlock(); t.in.mu.Unlock() }
func (t *T) some(b bool) {
	if b {
		t.mu.Lock()
	}
	at()
}
func (t *T) loop() {
	for range 3 {
		t.mu.Lock()
		at()
		t.mu.Unlock()
	}
}
func (t *T) handed()  { at(); t.mu.Unlock() }
func (t *T) letsGo()  { t.mu.Lock(); t.handed(); at() }
func (t *T) farther() { t.mu.Lock(); t.passes(); at() }
func (t *T) passes()  { t.handed() }
func (t *T) wait()    { t.mu.Unlock(); t.mu.Lock() }
func (t *T) keeps()   { t.mu.Lock(); t.wait(); at(); t.mu.Unlock() }
func (t *T) waits()   { t.mu.Unlock(); defer t.mu.Lock() }
func (t *T) regains() { t.mu.Lock(); t.waits(); at(); t.mu.Unlock() }
func (t *T) byDefer() { defer t.mu.Unlock(); at() }
func (t *T) ends()    { t.mu.Lock(); t.byDefer(); at() }
func (t *T) rec(n int) { t.mu.Unlock(); if n > 0 { t.mu.Lock(); t.rec(n-1); at() } }
func (t *T) lock()    { t.mu.Lock() }
func (t *T) unlock()  { t.mu.Unlock() }
func (t *T) wrapped() { at(); t.lock(); t.unlock() }
func (t *T) inside()  { t.lock(); at(); t.unlock() }
func (t *T) try() bool {
	if t.rec == nil {
		return false
	}
	t.mu.Lock()
	return true
}
func (t *T) tries() { t.try(); at() }
func (t *T) either(b bool) {
	if b {
		t.rw.Lock()
	} else {
		t.rw.RLock()
	}
	at()
}
func (t *T) literal() {
	t.mu.Lock()
	go func() { at(); t.mu.Unlock() }()
}
func local() { var mu sync.Mutex; mu.Lock(); mu.Unlock() }
func (t *T) sameBool(b bool) {
	if b {
		t.mu.Lock()
	}
	use(t)
	if b {
		t.mu.Unlock()
	}
	at()
}
func (t *T) flag(b bool) {
	locked := false
	if b {
		t.mu.Lock()
		locked = true
	}
	use(t)
	if locked {
		t.mu.Unlock()
	}
	at()
}
func (t *T) field() {
	if !t.off {
		t.mu.Lock()
	}
	use(t)
	if !t.off {
		t.mu.Unlock()
	}
	at()
}
func (t *T) tryThen() {
	if t.try() {
		at()
		t.mu.Unlock()
	}
}
func (t *T) tryLock() {
	if !t.mu.TryLock() {
		return
	}
	at()
	t.mu.Unlock()
}

type optional struct {
	inner sync.Mutex
	off   bool
}

func (o *optional) Lock()   { if !o.off { o.inner.Lock() } }
func (o *optional) Unlock() { if !o.off { o.inner.Unlock() } }

type R struct { guard optional }

func (r *R) switched() { r.guard.Lock(); defer r.guard.Unlock(); at() }
func (r *R) after2()   { r.guard.Lock(); r.guard.Unlock(); at() }

func (t *T) lockIf(b bool) { if b { t.mu.Lock() } }
func (t *T) forced()       { t.lockIf(true); at() }
func (t *T) notTaken()     { t.lockIf(false); at() }
func (t *T) forcedByValue()   { f := t.lockIf; f(true); at() }
func (t *T) notTakenByValue() { f := t.lockIf; f(false); at() }
func (t *T) inLoop(n []int) {
	for _, x := range n {
		if x > 3 {
			t.mu.Lock()
		}
		if x > 3 {
			at()
			t.mu.Unlock()
		}
	}
}
func (t *T) indexed(i int) { t.many[i].mu.Lock(); at(); t.many[i].mu.Unlock() }
func (t *T) bound() {
	t.mu.Lock()
	unlock := t.mu.Unlock
	unlock()
	at()
}

type node struct { at, point *T }

func otherName(n *node)  { n.at.mu.Lock(); n.point.mu.Unlock(); at() }
func otherField(n *node) { n.at.mu.Lock(); n.point.rw.Lock(); n.point.rw.Unlock(); at() }
func two(n *node)       { n.at.mu.Lock(); n.point.mu.Lock(); n.point.mu.Unlock(); at() }
func others(a, b *T)        { a.mu.Lock(); b.mu.Unlock(); at() }

type G[K any] struct { mu sync.Mutex; k K }

func (t *G[K]) take()    { t.mu.Lock() }
func (t *G[K]) generic() { t.take(); at(); t.mu.Unlock() }

func die() { panic("x") }
func use(*T) {}
func (t *T) fatal(b bool) {
	t.mu.Lock()
	if b {
		die()
	} else {
		t.mu.Unlock()
	}
	at()
}
`

func build(t *testing.T) *ssa.Package {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "a.go", src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	pkg, _, err := ssautil.BuildPackage(&types.Config{Importer: importer.ForCompiler(fset, "source", nil)}, fset,
		types.NewPackage("a", ""), []*ast.File{f}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

func names(held []Held) []string {
	out := []string{}
	for _, h := range held {
		out = append(out, h.Lock.String())
	}
	return out
}

// TestWalk looks at the locks that are held where each function calls at.
func TestWalk(t *testing.T) {
	pkg := build(t)
	w := NewWalker()
	held := make(map[string][]string)
	for f := range ssautil.AllFunctions(pkg.Prog) {
		if f.Pkg != pkg || f.Synthetic != "" {
			continue
		}
		w.Walk(f, func(in ssa.Instruction, s State) {
			if c, ok := in.(*ssa.Call); ok && c.Call.StaticCallee() == pkg.Func("at") {
				held[f.Name()] = names(s.Must)
			}
		})
	}
	for name, want := range map[string][]string{
		"plain": {"t.mu"}, "after": {}, "deferred": {"t.rw"}, "nested": {"t.in.mu", "global"}, "some": {}, "loop": {"t.mu"},
		"handed": {"t.mu"}, "letsGo": {}, "farther": {}, "keeps": {"t.mu"}, "regains": {"t.mu"}, "byDefer": {"t.mu"}, "ends": {}, "rec": {},
		"literal$1": {"t.mu"}, "forcedByValue": {"t.mu"}, "notTakenByValue": {}, "wrapped": {}, "inside": {"t.mu"}, "tries": {},
		"otherName": {}, "otherField": {"n.at.mu"}, "two": {"n.at.mu"}, "others": {"a.mu"},
	} {
		got, ok := held[name]
		if !ok || !slices.Equal(got, want) {
			t.Errorf("%s holds %q, want %q", name, got, want)
		}
	}
}

// TestModes looks at whether the lock is held for writing where each function calls at.
func TestModes(t *testing.T) {
	pkg := build(t)
	w := NewWalker()
	for f := range ssautil.AllFunctions(pkg.Prog) {
		want, ok := map[string]string{"plain": "t.mu", "deferred": "", "handed": "t.mu", "inside": "t.mu", "either": ""}[f.Name()]
		if !ok || f.Pkg != pkg {
			continue
		}
		w.Walk(f, func(in ssa.Instruction, s State) {
			if c, ok := in.(*ssa.Call); !ok || c.Call.StaticCallee() != pkg.Func("at") {
				return
			}
			if len(s.Must) != 1 || (s.Must[0].Mode == Exclusive) != (want != "") {
				t.Errorf("%s holds %v, want %q for writing", f.Name(), s.Must, want)
			}
		})
	}
}

// TestEffect looks at what callees take for their callers, and release for good.
func TestEffect(t *testing.T) {
	pkg := build(t)
	w := NewWalker()
	for f := range ssautil.AllFunctions(pkg.Prog) {
		want, ok := map[string]string{"letsGo": "-t.mu ", "inside": "+t.mu -t.mu ", "keeps": ""}[f.Name()]
		if !ok || f.Pkg != pkg {
			continue
		}
		got := ""
		for _, in := range f.Blocks[0].Instrs {
			if c, ok := in.(*ssa.Call); ok {
				taken, gone := w.Effect(c)
				for _, h := range taken {
					got += "+" + h.Lock.String() + " "
				}
				for _, p := range gone {
					got += "-" + p.String() + " "
				}
			}
		}
		if got != want {
			t.Errorf("the callees of %s do %q, want %q", f.Name(), got, want)
		}
	}
	for f := range ssautil.AllFunctions(pkg.Prog) {
		if gone := w.Gone(f); f.Pkg == pkg && f.Name() == "unlock" && (len(gone) != 1 || gone[0].String() != "t.mu") {
			t.Errorf("unlock releases %v", gone)
		}
	}
}

func TestTouched(t *testing.T) {
	pkg := build(t)
	w := NewWalker()
	for f := range ssautil.AllFunctions(pkg.Prog) {
		want := map[string]string{"letsGo": "t.mu", "farther": "t.mu", "keeps": "t.mu", "plain": ""}
		if _, ok := want[f.Name()]; !ok || f.Pkg != pkg {
			continue
		}
		var got []string
		w.Walk(f, func(in ssa.Instruction, _ State) {
			if c, ok := in.(*ssa.Call); ok {
				for _, p := range w.Touched(c) {
					got = append(got, p.String())
				}
			}
		})
		if strings.Join(got, " ") != want[f.Name()] {
			t.Errorf("the callee of %s releases %q, want %q", f.Name(), got, want[f.Name()])
		}
	}
}

// TestClass looks at what the locks that are taken or released in a function are called elsewhere.
func TestClass(t *testing.T) {
	pkg := build(t)
	for f := range ssautil.AllFunctions(pkg.Prog) {
		want, ok := map[string]string{"plain": "a.T.mu", "literal$1": "a.T.mu", "nested": "a.T.in.mu global", "local": ""}[f.Name()]
		if !ok || f.Pkg != pkg {
			continue
		}
		var got []string
		for _, b := range f.Blocks {
			for _, in := range b.Instrs {
				if c, ok := in.(ssa.CallInstruction); ok {
					if name := OpOf(c).Lock.Class; OpOf(c).Action != None && !slices.Contains(got, name().String()) {
						got = append(got, name().String())
					}
				}
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("the locks of %s are called %q, want %q", f.Name(), got, want)
		}
	}
}

// TestWays holds functions whose branches belong together: what is held at at, on every way and on some way.
func TestWays(t *testing.T) {
	pkg := build(t)
	w := NewWalker()
	for f := range ssautil.AllFunctions(pkg.Prog) {
		want, ok := map[string]string{
			"sameBool": "|",              // released again under the same condition
			"flag":     "|",              // kept in a variable
			"field":    "|",              // of a field
			"tryThen":  "t.mu|t.mu",      // the result of a callee tells
			"tryLock":  "t.mu|t.mu",      // that of TryLock
			"switched": "|r.guard.inner", // through a lock that can be switched off
			"after2":   "|",              // after such a pair
			"forced":   "t.mu|t.mu",      // a constant argument decides
			"notTaken": "|",              // and may decide against it
			"inLoop":   "t.mu|t.mu",      // a condition is asked anew in each round
			"indexed":  "t.many[i].mu|t.many[i].mu",
			"bound":    "|",         // released by a method value
			"generic":  "t.mu|t.mu", // a helper of a generic type
			"fatal":    "|",         // the way that keeps it does not come back
		}[f.Name()]
		if !ok || f.Pkg != pkg || f.Synthetic != "" {
			continue
		}
		got := "none"
		w.Walk(f, func(in ssa.Instruction, s State) {
			if c, ok := in.(*ssa.Call); ok && c.Call.StaticCallee() == pkg.Func("at") {
				got = strings.Join(names(s.Must), " ") + "|" + strings.Join(names(s.May), " ")
			}
		})
		if got != want {
			t.Errorf("%s holds %q at at, want %q", f.Name(), got, want)
		}
	}
}
