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

// TestWalk looks at the locks that are held where each function calls at.
func TestWalk(t *testing.T) {
	pkg := build(t)
	w := NewWalker()
	held := make(map[string][]string)
	for f := range ssautil.AllFunctions(pkg.Prog) {
		if f.Pkg != pkg || f.Synthetic != "" {
			continue
		}
		w.Walk(f, func(in ssa.Instruction, locks []string) {
			if c, ok := in.(*ssa.Call); ok && c.Call.StaticCallee() == pkg.Func("at") {
				held[f.Name()] = locks
			}
		})
	}
	for name, want := range map[string][]string{
		"plain": {"t.mu"}, "after": {}, "deferred": {"t.rw"}, "nested": {"t.in.mu", "@global"}, "some": {}, "loop": {"t.mu"},
		"handed": {"t.mu"}, "letsGo": {}, "farther": {}, "keeps": {"t.mu"}, "regains": {"t.mu"}, "byDefer": {"t.mu"}, "ends": {}, "rec": {},
		"literal$1": {"t.mu"}, "wrapped": {}, "inside": {"t.mu"}, "tries": {},
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
		w.WalkModes(f, func(in ssa.Instruction, held []string) {
			if c, ok := in.(*ssa.Call); !ok || c.Call.StaticCallee() != pkg.Func("at") {
				return
			}
			if got := Exclusive(held, "t.mu") || Exclusive(held, "t.rw"); got != (want != "") || len(Plain(held)) != 1 {
				t.Errorf("%s holds %q, want %q for writing", f.Name(), held, want)
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
				for _, l := range taken {
					got += "+" + l + " "
				}
				for _, l := range gone {
					got += "-" + l + " "
				}
			}
		}
		if got != want {
			t.Errorf("the callees of %s do %q, want %q", f.Name(), got, want)
		}
	}
	for f := range ssautil.AllFunctions(pkg.Prog) {
		if f.Pkg == pkg && f.Name() == "unlock" && !slices.Equal(w.Gone(f), []string{"t.mu"}) {
			t.Errorf("unlock releases %q", w.Gone(f))
		}
	}
}

func TestReleased(t *testing.T) {
	pkg := build(t)
	w := NewWalker()
	for f := range ssautil.AllFunctions(pkg.Prog) {
		want := map[string]string{"letsGo": "t.mu", "farther": "t.mu", "keeps": "t.mu", "plain": ""}
		if _, ok := want[f.Name()]; !ok || f.Pkg != pkg {
			continue
		}
		var got []string
		w.Walk(f, func(in ssa.Instruction, _ []string) {
			if c, ok := in.(*ssa.Call); ok {
				got = append(got, w.Released(c)...)
			}
		})
		if strings.Join(got, " ") != want[f.Name()] {
			t.Errorf("the callee of %s releases %q, want %q", f.Name(), got, want[f.Name()])
		}
	}
}

func TestClass(t *testing.T) {
	pkg := build(t)
	var literal, plain *ssa.Function
	for f := range ssautil.AllFunctions(pkg.Prog) {
		switch f.Name() {
		case "literal$1":
			literal = f
		case "plain":
			plain = f
		}
	}
	for _, c := range []struct {
		f                *ssa.Function
		path, name, base string
	}{
		{plain, "t.mu", "a.T.mu", "t"},
		{literal, "t.mu", "a.T.mu", "t"}, // through a captured variable
		{plain, "t.in.mu", "a.T.in.mu", "t"},
		{plain, "@global", "@global", "@"},
		{plain, "other.mu", "", ""},
		{plain, "#t3", "", ""},
	} {
		if name, base := Class(c.f, c.path); name != c.name || base != c.base {
			t.Errorf("Class(%s, %s) = %q of %q, want %q of %q", c.f.Name(), c.path, name, base, c.name, c.base)
		}
	}
}
