package concur

import (
	"bytes"
	"context"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/go/ast/astutil"
	"golang.org/x/tools/txtar"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/search"
)

// litmus is a small program of which all outcomes are known. Its file says what it shows, and lists them:
//
//	12        the function litmus returns 12, and all goroutines end
//	12 leak   it returns 12, and some goroutine waits for ever
//	stuck     it does not return, because it waits for ever
//	crash     the process ends with a panic or a fatal error
type litmus struct {
	name     string
	source   []byte
	outcomes []string
}

func litmuses(t *testing.T) []litmus {
	files, err := filepath.Glob("testdata/litmus/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no litmus programs: ", err)
	}
	list := regexp.MustCompile(`(?m)^outcomes: (.*)$`)
	var out []litmus
	for _, name := range files {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		l := litmus{name: strings.TrimSuffix(filepath.Base(name), ".txtar")}
		m := list.FindSubmatch(a.Comment)
		if m == nil || len(a.Files) != 1 {
			t.Fatalf("%s: want a line of outcomes and one file", name)
		}
		for _, o := range strings.Split(string(m[1]), ",") {
			l.outcomes = append(l.outcomes, strings.TrimSpace(o))
		}
		l.source = a.Files[0].Data
		out = append(out, l)
	}
	return out
}

// TestEachPair demands a program for each primitive, which is a file of package prim, and one for each pair of them.
func TestEachPair(t *testing.T) {
	files, err := filepath.Glob("prim/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var primitives []string
	for _, name := range files {
		name = strings.TrimSuffix(filepath.Base(name), ".go")
		if !slices.Contains([]string{"prim", "prim_test", "library", "select"}, name) {
			primitives = append(primitives, name)
		}
	}
	has := make(map[string]bool)
	for _, l := range litmuses(t) {
		has[l.name] = true
	}
	for i, a := range primitives {
		if !has[a] {
			t.Errorf("there is no litmus program for %s", a)
		}
		for _, b := range primitives[i+1:] {
			if !has[a+"_"+b] && !has[b+"_"+a] {
				t.Errorf("there is no litmus program for %s beside %s", a, b)
			}
		}
	}
	if len(primitives) < 12 {
		t.Errorf("%d primitives, want all of them: %q", len(primitives), primitives)
	}
}

// TestLitmusModel demands that the model has exactly the outcomes that Go allows.
func TestLitmusModel(t *testing.T) {
	for _, l := range litmuses(t) {
		t.Run(l.name, func(t *testing.T) {
			pkg, srcs, _ := buildSSA(t, []string{write(t, string(l.source))})
			e := search.New(pkg, srcs, search.Limits{Runs: 20_000, Work: 4_000_000})
			got := make(map[string]bool)
			e.Visit(pkg.Func("litmus"), func(m *machine.Machine, stuck []*machine.G) {
				if o := outcomeOf(m, stuck); o != "" {
					got[o] = true
				}
			})
			for _, o := range l.outcomes {
				if !got[o] {
					t.Errorf("the model never has %q, which Go allows", o)
				}
			}
			for o := range got {
				if !slices.Contains(l.outcomes, o) {
					t.Errorf("the model has %q, which Go does not allow", o)
				}
			}
		})
	}
}

// outcomeOf names the outcome of a run; "" for one that the model has given up.
func outcomeOf(m *machine.Machine, stuck []*machine.G) string {
	switch {
	case m.Crash != nil:
		return "crash"
	case m.Over() != machine.Finished:
		return ""
	case len(stuck) > 0 && stuck[0].ID == 0:
		return "stuck"
	case !m.Gs[0].Done:
		return "unfinished"
	case len(stuck) > 0:
		return fmt.Sprint(m.Gs[0].Result, " leak")
	}
	return fmt.Sprint(m.Gs[0].Result)
}

// TestLitmusGo runs the programs in real Go, under many schedules, and demands that nothing happens which they do not list.
// Each program becomes a process, which gives up the processor at random places.
func TestLitmusGo(t *testing.T) {
	const rounds = 30
	programs := litmuses(t)
	binary := buildLitmuses(t, programs)
	for _, l := range programs {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			seen := make(map[string]int)
			for left := rounds; left > 0; {
				for _, o := range runLitmus(t, binary, l, left) {
					seen[o]++
					left--
				}
			}
			for o, n := range seen {
				if !slices.Contains(l.outcomes, o) {
					t.Errorf("Go has %q (%d times), which the program does not list", o, n)
				}
			}
			t.Logf("%v of %d listed", slices.Sorted(maps.Keys(seen)), len(l.outcomes))
		})
	}
}

// runLitmus runs a program up to n times in one process and returns the outcomes: fewer if a goroutine waits for ever, or if
// the process crashes, which counts.
func runLitmus(t *testing.T, binary string, l litmus, n int) []string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	mayStick := slices.Contains(l.outcomes, "stuck")
	mayLeak := slices.ContainsFunc(l.outcomes, func(o string) bool { return strings.HasSuffix(o, "leak") })
	cmd := exec.CommandContext(ctx, binary, l.name, strconv.Itoa(n), strconv.FormatBool(mayStick), strconv.FormatBool(mayLeak))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	outcomes := strings.Split(strings.TrimSpace(stdout.String()), "\n")
	if stdout.Len() == 0 {
		outcomes = nil
	}
	if err != nil {
		if ctx.Err() != nil || !regexp.MustCompile(`(?m)^(panic|fatal error): `).Match(stderr.Bytes()) {
			t.Fatalf("%v\n%s", err, stderr.String())
		}
		outcomes = append(outcomes, "crash")
	}
	return outcomes
}

// buildLitmuses builds one program of all.
func buildLitmuses(t *testing.T, programs []litmus) string {
	dir := t.TempDir()
	var names bytes.Buffer
	names.WriteString("package main\n\nvar programs = map[string]func() int{\n")
	for i, l := range programs {
		f, err := parser.ParseFile(fset, l.name+".go", l.source, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		suffix := "_" + strconv.Itoa(i)
		perturb(f, suffix)
		var src bytes.Buffer
		if err := format.Node(&src, fset, f); err != nil {
			t.Fatal(err)
		}
		put(t, dir, "p"+strconv.Itoa(i)+".go", src.Bytes())
		fmt.Fprintf(&names, "%q: litmus%s,\n", l.name, suffix)
	}
	names.WriteString("}\n")
	put(t, dir, "programs.go", names.Bytes())
	put(t, dir, "main.go", []byte(litmusMain))
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile("../../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		if name == "go.mod" {
			data = []byte("module litmus\n\ngo 1.26\n\nrequire golang.org/x/sync " + requiredVersion(t, data, "golang.org/x/sync") + "\n")
		}
		put(t, dir, name, data)
	}
	binary := filepath.Join(dir, "litmus")
	cmd := exec.Command("go", "build", "-mod=mod", "-o", binary, ".")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

func put(t *testing.T, dir, name string, data []byte) {
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func requiredVersion(t *testing.T, gomod []byte, module string) string {
	m := regexp.MustCompile(regexp.QuoteMeta(module) + ` (v\S+)`).FindSubmatch(gomod)
	if m == nil {
		t.Fatal("go.mod does not require ", module)
	}
	return string(m[1])
}

// perturb makes the functions and variables of f distinct from those of other programs, and calls perturb between statements.
func perturb(f *ast.File, suffix string) {
	own := make(map[string]bool)
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				own[d.Name.Name] = true
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					own[s.Name.Name] = true
				case *ast.ValueSpec:
					for _, n := range s.Names {
						own[n.Name] = true
					}
				}
			}
		}
	}
	astutil.Apply(f, nil, func(c *astutil.Cursor) bool {
		switch n := c.Node().(type) {
		case *ast.Ident:
			if own[n.Name] && !isSelected(c) {
				n.Name += suffix
			}
		case *ast.CaseClause, *ast.CommClause:
		case ast.Stmt:
			if _, isBlock := c.Parent().(*ast.BlockStmt); isBlock && c.Index() >= 0 {
				c.InsertBefore(&ast.ExprStmt{X: &ast.CallExpr{Fun: ast.NewIdent("perturb")}})
			}
		}
		return true
	})
}

// isSelected tells whether the cursor is at the name of a field or of something in another package.
func isSelected(c *astutil.Cursor) bool {
	s, ok := c.Parent().(*ast.SelectorExpr)
	return ok && s.Sel == c.Node()
}

// litmusMain runs one of the programs some times. A run is over when nothing changes any more; where the program never waits
// for ever, that is waited for much longer than it takes, for a slow machine is no deadlock.
const litmusMain = `package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"time"
)

func perturb() {
	switch rand.IntN(8) {
	case 0, 1:
		runtime.Gosched()
	case 2:
		time.Sleep(time.Duration(rand.IntN(50)) * time.Microsecond)
	}
}

func main() {
	n, _ := strconv.Atoi(os.Args[2])
	patience := func(mayWait string) time.Duration {
		if mayWait == "true" {
			return 30 * time.Millisecond
		}
		return time.Minute
	}
	for i := range n {
		runtime.GOMAXPROCS(1 + i%3)
		before := runtime.NumGoroutine()
		result := make(chan int, 1)
		go func() { result <- programs[os.Args[1]]() }()
		select {
		case r := <-result:
			leak := ""
			for start := time.Now(); runtime.NumGoroutine() > before; time.Sleep(20 * time.Microsecond) {
				if time.Since(start) > patience(os.Args[4]) {
					leak = " leak"
					break
				}
			}
			fmt.Printf("%d%s\n", r, leak)
			if leak != "" {
				return // a new process for the rest: this one has goroutines to spare
			}
		case <-time.After(patience(os.Args[3])):
			fmt.Println("stuck")
			return
		}
	}
}
`
