package exec

import (
	"go/ast"
	constants "go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"testing"

	"golang.org/x/tools/go/ssa"
	"golang.org/x/tools/go/ssa/ssautil"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/facts"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/heap"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
)

const src = `package p

import (
	"os"
	"strings"
	"sync"
)

type gate interface{ Begin(); End() }

func direct(mu *sync.Mutex) { mu.Lock() }
func deferred(g gate)       { defer g.End() }
func inside(g gate)         { func() { g.Begin() }() }
func other(s *strings.Builder) { s.Reset() }
func count(s string) int    { return strings.Count(s, ",") }
func stop()                 { os.Exit(1) }
func branch(p *int, err error, n int) int {
	if p == nil { return 0 }
	if err != nil { return 1 }
	if n > 3 { return 2 }
	return 3
}
`

func build(t *testing.T) (*ssa.Package, *machine.Machine) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "p.go", src, 0)
	if err != nil {
		t.Fatal(err)
	}
	pkg, _, err := ssautil.BuildPackage(&types.Config{Importer: importer.Default()}, fset, types.NewPackage("p", "p"), []*ast.File{f}, 0)
	if err != nil {
		t.Fatal(err)
	}
	space := &heap.Space{Pkg: pkg.Pkg, Primitive: func(types.Type, bool) heap.Content { return nil }}
	return pkg, machine.New(&machine.Code{Package: pkg, Exec: Executor{}}, space, machine.Limits{}, machine.Script{})
}

func calls(f *ssa.Function) (out []ssa.CallInstruction) {
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			if c, ok := in.(ssa.CallInstruction); ok {
				out = append(out, c)
			}
		}
	}
	return out
}

// A method of a type is called by static calls, by those of interfaces, by deferred ones, and in literals.
func TestCallsMethod(t *testing.T) {
	pkg, _ := build(t)
	gate := pkg.Type("gate").Type()
	for name, want := range map[string]bool{"direct": false, "deferred": true, "inside": true, "other": false} {
		if got := callsMethod(pkg.Func(name), gate); got != want {
			t.Errorf("%s calls a method of gate: %v, want %v", name, got, want)
		}
	}
	mutex := calls(pkg.Func("direct"))[0].Common().StaticCallee().Signature.Recv().Type()
	if !callsMethod(pkg.Func("direct"), pointed(mutex)) || callsMethod(pkg.Func("other"), mutex) {
		t.Error("a pointer to a type counts as the type, and another type does not")
	}
}

// What a function may do with what it is given, by its package and name.
func TestKnownFunctions(t *testing.T) {
	pkg, _ := build(t)
	count := calls(pkg.Func("count"))[0].Common().StaticCallee()
	if !pure(count) || !harmless(count) {
		t.Error("strings.Count computes, and keeps nothing")
	}
	reset := calls(pkg.Func("other"))[0].Common().StaticCallee()
	if pure(reset) {
		t.Error("a method may depend on its receiver")
	}
	lock := calls(pkg.Func("direct"))[0].Common().StaticCallee()
	if harmless(lock) || pure(lock) {
		t.Error("Lock does more than compute")
	}
	if !exits("os.Exit") || !exits("log.Fatalf") || exits("fmt.Println") {
		t.Error("os.Exit and log.Fatal end the process, fmt.Println does not")
	}
}

// The usual side of a branch that nothing decides: errors are nil, pointers are not, other conditions do not hold.
func TestUsual(t *testing.T) {
	pkg, m := build(t)
	fn := pkg.Func("branch")
	x := frame{m, &machine.G{}, &machine.Frame{Fn: m.Body(fn).Func}}
	var got []bool
	for _, b := range fn.Blocks {
		if in, ok := b.Instrs[len(b.Instrs)-1].(*ssa.If); ok {
			x.f.Block = b
			got = append(got, x.usual(in))
		}
	}
	if len(got) != 3 || got[0] || got[1] || got[2] {
		t.Errorf("%v: a nil pointer, an error and n > 3 are each unusual", got)
	}
}

func TestConvert(t *testing.T) {
	_, m := build(t)
	typ := func(k types.BasicKind) types.Type { return types.Typ[k] }
	for _, c := range []struct {
		v        Value
		from, to types.BasicKind
		want     Value
	}{
		{int64(300), types.Int, types.Uint8, int64(44)},
		{int64(-1), types.Int, types.Int8, int64(-1)},
		{int64(3), types.Int, types.Float64, 3.0},
		{2.9, types.Float64, types.Int, int64(2)},
		{"a", types.String, types.String, "a"},
	} {
		if got := convert(m, c.v, typ(c.from), typ(c.to)); got != c.want {
			t.Errorf("%v to %v: %v, want %v", c.v, typ(c.to), got, c.want)
		}
	}
	n := m.NewTerm(typ(types.Int))
	if got := convert(m, n, typ(types.Int), typ(types.Int64)); got != Value(n) {
		t.Error("an unknown number stays the same one")
	}
	if _, ok := convert(m, "a", typ(types.String), types.NewSlice(typ(types.Byte))).(*facts.Term); !ok {
		t.Error("the bytes of a string are not known")
	}
}

func TestConstant(t *testing.T) {
	_, m := build(t)
	for _, c := range []struct {
		is   *ssa.Const
		want Value
	}{
		{ssa.NewConst(constants.MakeInt64(7), types.Typ[types.Int]), int64(7)},
		{ssa.NewConst(constants.MakeBool(true), types.Typ[types.Bool]), true},
		{ssa.NewConst(constants.MakeString("s"), types.Typ[types.String]), "s"},
		{ssa.NewConst(constants.MakeFloat64(1.5), types.Typ[types.Float64]), 1.5},
		{ssa.NewConst(constants.MakeUint64(1<<63), types.Typ[types.Uint64]), int64(-1 << 63)},
		{ssa.NewConst(nil, types.NewPointer(types.Typ[types.Int])), nil},
	} {
		if got := constant(m, c.is); got != c.want {
			t.Errorf("%v: %v, want %v", c.is, got, c.want)
		}
	}
}

func TestCountable(t *testing.T) {
	if !countable(types.Typ[types.Int]) || !countable(types.NewSlice(types.Typ[types.String])) || countable(types.Typ[types.String]) {
		t.Error("numbers and slices say how much there is to do, strings do not")
	}
}
