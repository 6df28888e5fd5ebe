package ends

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"testing"

	"golang.org/x/tools/go/ssa"
	"golang.org/x/tools/go/ssa/ssautil"
)

func build(t *testing.T, src string) *ssa.Package {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "p.go", src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	pkg, _, err := ssautil.BuildPackage(&types.Config{Importer: importer.Default()}, fset, types.NewPackage("p", "p"), []*ast.File{f}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

func TestFunction(t *testing.T) {
	pkg := build(t, `package p

import ("log"; "os"; "runtime"; "testing")

func Audience()             {}
func SkipPrefix(s string)   { println(s) }
func die()                  { println("not at all") }
func exits()                { os.Exit(1) }
func fatal()                { log.Fatal("x") }
func logger(l *log.Logger)  { l.Fatalf("x") }
func goexit()               { runtime.Goexit() }
func test(t *testing.T)     { t.Skip() }
func either(b bool)         { if b { os.Exit(1) }; log.Fatal() }
func sometimes(b bool)      { if b { os.Exit(1) } }
func returns(b bool)        { if b { return }; os.Exit(1) }
func panics()               { panic("x") }
func mild(b bool)           { if b { panic("x") }; os.Exit(1) }
func recovers()             { defer func() { recover() }(); panic("x") }
func exitsAll()             { defer func() { recover() }(); os.Exit(1) }
func through()              { exits(); println("never") }
func looped()               { for { exits() } }
func after(n int)           { for range n { println() }; exits() }
func recursive(n int)       { if n > 0 { recursive(n-1) }; os.Exit(1) }
func again()                { again() }
func started()              { go os.Exit(1) }
func deferred()             { defer os.Exit(1) }
func literal()              { func() { os.Exit(1) }() }
func generic[T any](v T)    { panic(v) }
func usesGeneric()          { generic(1) }
`)
	for name, want := range map[string]What{
		"Audience": Nothing, "SkipPrefix": Nothing, "die": Nothing,
		"exits": Program, "fatal": Program, "logger": Program, "goexit": Goroutine, "test": Goroutine,
		"either": Program, "sometimes": Nothing, "returns": Nothing,
		"panics": Panics, "mild": Panics, "recovers": Nothing, "exitsAll": Program,
		"through": Program, "looped": Program, "after": Program,
		"recursive": Program, "again": Nothing, "started": Nothing, "deferred": Nothing,
		"literal": Program, "usesGeneric": Panics,
	} {
		if got := new(Knowledge).Function(pkg.Func(name)); got != want {
			t.Errorf("%s ends %d, want %d", name, got, want)
		}
	}
}

// Of what has no body here the name decides, as a whole, and Exit only in packages that log.
func TestCallByName(t *testing.T) {
	pkg := build(t, `package p

type door interface { Fatal(); Fatalities(); Panicf(); FailNow(); Exit(); Skip() }

func calls(d door) { d.Fatal(); d.Fatalities(); d.Panicf(); d.FailNow(); d.Exit(); d.Skip() }
`)
	want := []What{Program, Nothing, Panics, Goroutine, Nothing, Nothing}
	for _, in := range pkg.Func("calls").Blocks[0].Instrs {
		c, ok := in.(*ssa.Call)
		if !ok {
			continue
		}
		if got := new(Knowledge).Call(c); got != want[0] {
			t.Errorf("%v ends %d, want %d", c, got, want[0])
		}
		want = want[1:]
	}
	if len(want) > 0 {
		t.Errorf("%d calls were not there", len(want))
	}
}
