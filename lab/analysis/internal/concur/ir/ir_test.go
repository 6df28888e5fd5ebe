package ir

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"testing"

	"golang.org/x/tools/go/ssa"
	"golang.org/x/tools/go/ssa/ssautil"
)

// build returns package p of that source.
func build(t *testing.T, src string) *ssa.Package {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "p.go", src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	pkg, _, err := ssautil.BuildPackage(&types.Config{Importer: importer.ForCompiler(fset, "source", nil)}, fset,
		types.NewPackage("p", "p"), []*ast.File{f}, ssa.BuilderMode(0))
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

func TestLoops(t *testing.T) {
	pkg := build(t, `package p

func work()

func none() { go work() }

func few(n int) {
	for i := 0; i < n; i++ {
		go work()
	}
}

func many() {
	for i := 0; i < 100; i++ {
		go work()
	}
}

func quiet() {
	for i := 0; i < 100; i++ {
		work()
	}
}

func ranged(list func() []int) {
	for range list() {
		go work()
	}
}
`)
	for _, tt := range []struct {
		name                               string
		heads, large, ways, counts, bounds int
	}{
		{"none", 0, 0, 0, 0, 0},
		{"few", 1, 0, 1, 0, 0},
		{"many", 1, 1, 1, 0, 0},
		{"quiet", 1, 0, 0, 0, 0},
		{"ranged", 1, 0, 1, 1, 1},
	} {
		l := Prepare(pkg.Func(tt.name), func(string) bool { return false }).Loops
		if len(l.Heads) != tt.heads || len(l.Large) != tt.large || len(l.WayIn) < tt.ways || len(l.SpawnCounts) != tt.counts || len(l.Bounds) != tt.bounds {
			t.Errorf("%s: %d heads, %d large, %d ways in, %d counts, %d bounds; want %+v", tt.name,
				len(l.Heads), len(l.Large), len(l.WayIn), len(l.SpawnCounts), len(l.Bounds), tt)
		}
	}
	starts := Prepare(pkg.Func("quiet"), func(name string) bool { return name == "p.work" }).Loops
	if len(starts.Large) != 1 {
		t.Error("a call that starts a goroutine does not make the loop one that does")
	}
}

// A register is alive from where it is computed to its last use, and a phi reads its operands where the block before ends.
func TestLive(t *testing.T) {
	pkg := build(t, `package p

func use(int)
func f(a, b int) {
	use(a)
	for i := 0; i < b; i++ {
		use(i)
	}
}
`)
	f := Prepare(pkg.Func("f"), func(string) bool { return false })
	alive := func(block, pc int) (names []string) {
		f.LiveAt(f.Blocks[block], pc, func(register int) {
			for v, n := range f.registers {
				if n == register {
					names = append(names, v.Name())
				}
			}
		})
		slices.Sort(names)
		return names
	}
	if got := alive(0, 0); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("at the start %v are alive, want a and b", got)
	}
	if got := alive(0, len(f.Blocks[0].Instrs)-1); !slices.Equal(got, []string{"b"}) {
		t.Errorf("after the first call %v are alive, want b", got)
	}
	for _, b := range f.Blocks {
		if _, ok := b.Instrs[len(b.Instrs)-1].(*ssa.Return); ok {
			if got := alive(b.Index, len(b.Instrs)-1); len(got) > 0 {
				t.Errorf("at the return %v are alive", got)
			}
		}
	}
}

func TestNames(t *testing.T) {
	pkg := build(t, `package p

import "sync"

type T[E any] struct {
	sync.Mutex
	in struct{ c chan E }
}

func (t *T[E]) m() {}

var global chan int

func f(t *T[int], list []chan int, g func() chan int) {
	t.Lock()
	t.m()
	t.in.c <- 1
	list[0] <- 1
	global <- 1
	g() <- 1
}
`)
	var calls, operands []string
	for _, b := range pkg.Func("f").Blocks {
		for _, in := range b.Instrs {
			switch in := in.(type) {
			case *ssa.Call:
				if c := in.Call.StaticCallee(); c != nil {
					calls = append(calls, FullName(c))
				}
			case *ssa.Send:
				operands = append(operands, Describe(in.Chan))
			}
		}
	}
	if want := []string{"(*sync.Mutex).Lock", "(*p.T[E]).m"}; !slices.Equal(calls, want) {
		t.Errorf("calls %q, want %q", calls, want)
	}
	if want := []string{"t.in.c", "list[...]", "global", "g()"}; !slices.Equal(operands, want) {
		t.Errorf("operands %q, want %q", operands, want)
	}
}

func TestChanUses(t *testing.T) {
	pkg := build(t, `package p

type s struct{ closed, sent, handed, lent, Open chan struct{} }

func (x *s) run(take func(<-chan struct{}), give func(chan struct{})) {
	x.closed, x.sent = make(chan struct{}), make(chan struct{})
	close(x.closed)
	<-x.closed
	select {
	case x.sent <- struct{}{}:
	default:
	}
	take(x.handed)
	give(x.lent)
	x.Open = nil
}
`)
	fns := []*ssa.Function{pkg.Prog.LookupMethod(types.NewPointer(pkg.Type("s").Type()), pkg.Pkg, "run")}
	got := make(map[string]ChanUse)
	for v, u := range ChanUses(fns) {
		got[v.Name()] = ChanUse{Sent: u.Sent, Closed: u.Closed, Escapes: u.Escapes}
	}
	want := map[string]ChanUse{"closed": {Closed: true}, "sent": {Sent: true}, "handed": {}, "lent": {Escapes: true}}
	if len(got) != len(want) {
		t.Errorf("%v, want %v", got, want)
	}
	for name, u := range want {
		if got[name] != u {
			t.Errorf("%s: %+v, want %+v", name, got[name], u)
		}
	}
}

func TestCondition(t *testing.T) {
	pkg := build(t, `package p

func get() (int, error)

func f(n int, slow bool) int {
	if n > 3 {
		return 1
	}
	if !slow {
		return 2
	}
	if _, err := get(); err != nil {
		return 3
	}
	if n+n == 2 {
		return 4
	}
	return 5
}
`)
	var got []string
	for _, b := range pkg.Func("f").Blocks {
		if in, ok := b.Instrs[len(b.Instrs)-1].(*ssa.If); ok {
			got = append(got, Condition(in.Cond, true)+" / "+Condition(in.Cond, false))
		}
	}
	slices.Sort(got)
	want := []string{" / ", "n > 3 / n <= 3", "slow / !slow", "the error of get() != nil / the error of get() == nil"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
