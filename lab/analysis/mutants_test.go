package analysis

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/tools/go/analysis/checker"
	"golang.org/x/tools/go/packages"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/finding"
)

// TestMutants runs the whole suite over mutated packages of the standard library: no analyzer may panic, fail or hang on
// code that type-checks, however odd it is.
//
// By itself it takes a few seconds and a few packages. STABILITY_VET_MUTANTS=1h gives it an hour of processor time and
// all packages of std (with -timeout to match), STABILITY_VET_SEED=n another beginning. What it finds is written to a
// temporary directory; made small by hand it goes to testdata/crashers, where TestCrashers looks.
func TestMutants(t *testing.T) {
	budget, patterns := 2*time.Second, []string{"container/list", "context", "os/exec", "net/textproto", "database/sql", "text/template"}
	if s := os.Getenv("STABILITY_VET_MUTANTS"); s != "" {
		var err error
		if budget, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
		patterns = []string{"std"}
	}
	seed, _ := strconv.ParseUint(cmp.Or(os.Getenv("STABILITY_VET_SEED"), "1"), 10, 64)
	lib := load(t, patterns...)
	r := rand.New(rand.NewPCG(seed, 0))
	var tried, mutations int
	var slowest time.Duration
	var slow string
	start, next := cpu(), time.Minute
	for cpu()-start < budget {
		p := lib.targets[r.IntN(len(lib.targets))]
		m := lib.mutant(t, p, r)
		if m == nil {
			continue
		}
		before := cpu()
		if err := m.bounded(); err != nil {
			t.Errorf("%s: %v\nkept as %s", p.ImportPath, err, m.keep(t))
			if errors.Is(err, errHangs) {
				return // it goes on
			}
			continue
		}
		if used := cpu() - before; used > slowest {
			slowest, slow = used, p.ImportPath
		}
		tried++
		mutations += m.mutations
		if used := cpu() - start; used > next {
			next += time.Minute
			fmt.Fprintf(os.Stderr, "%v of processor time: %d mutants, %d mutations; slowest %s, %v\n", used.Round(time.Second), tried, mutations, slow, slowest)
		}
	}
	t.Logf("%d mutated packages with %d mutations; the slowest, %s, took %v", tried, mutations, slow, slowest.Round(time.Millisecond))
	if tried == 0 {
		t.Error("no mutant type-checks")
	}
}

// TestCrashers runs the suite over what TestMutants once found, each a package of one file.
func TestCrashers(t *testing.T) {
	files, err := filepath.Glob("testdata/crashers/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no crashers: %v", err)
	}
	lib := load(t, "context", "net/http", "os/exec", "database/sql")
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			m, errs := lib.check("crash", [][]byte{src})
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			if err := m.bounded(); err != nil {
				t.Error(err)
			}
		})
	}
}

// library is what the go command knows about packages: their files, and the export data of what they import.
type library struct {
	targets []*listed
	export  map[string]string
	imports types.Importer
	fset    *token.FileSet
}

type listed struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
	DepOnly                 bool
	ImportMap               map[string]string
}

func load(t *testing.T, patterns ...string) *library {
	cmd := exec.Command("go", append([]string{"list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles,DepOnly,ImportMap"}, patterns...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	l := &library{export: make(map[string]string), fset: token.NewFileSet()}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		p := new(listed)
		if err := d.Decode(p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		l.export[p.ImportPath] = p.Export
		if !p.DepOnly && len(p.GoFiles) > 0 && p.ImportPath != "unsafe" {
			l.targets = append(l.targets, p)
		}
	}
	l.imports = importer.ForCompiler(l.fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(l.export[path]) })
	return l
}

// mapped resolves the imports of one package; those of the standard library may be vendored.
type mapped struct {
	types.Importer
	paths map[string]string
}

func (m mapped) Import(path string) (*types.Package, error) {
	return m.Importer.Import(cmp.Or(m.paths[path], path))
}

// mutant is a package that type-checks.
type mutant struct {
	pkg       *packages.Package
	srcs      [][]byte
	mutations int
}

// mutant changes a few things in about every third function of p. A function in which that makes a type error gets its
// old body back. It returns nil if that does not help.
func (l *library) mutant(t *testing.T, p *listed, r *rand.Rand) *mutant {
	old := make([]*ast.File, len(p.GoFiles))
	files := make([]*ast.File, len(p.GoFiles))
	fset := token.NewFileSet()
	for i, name := range p.GoFiles {
		for _, to := range [][]*ast.File{old, files} {
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			to[i] = f
		}
	}
	changed := make(map[[2]int]bool)
	for i, f := range files {
		for j, d := range f.Decls {
			if fd, ok := d.(*ast.FuncDecl); ok && fd.Body != nil && r.IntN(3) == 0 {
				for range 1 + r.IntN(3) {
					mutate(fd, r)
				}
				changed[[2]int{i, j}] = true
			}
		}
	}
	for range 8 {
		srcs := make([][]byte, len(files))
		for i, f := range files {
			var b bytes.Buffer
			if err := format.Node(&b, fset, f); err != nil {
				return nil
			}
			srcs[i] = b.Bytes()
		}
		l.imports = mapped{base(l.imports), p.ImportMap}
		m, errs := l.check(p.ImportPath, srcs)
		if len(errs) == 0 {
			m.mutations = len(changed)
			return m
		}
		for _, at := range errs {
			if at[1] < 0 {
				copy(files[at[0]].Decls, old[at[0]].Decls)
				maps.DeleteFunc(changed, func(k [2]int, _ bool) bool { return k[0] == at[0] })
				continue
			}
			files[at[0]].Decls[at[1]] = old[at[0]].Decls[at[1]]
			delete(changed, at)
		}
	}
	return nil
}

func base(i types.Importer) types.Importer {
	if m, ok := i.(mapped); ok {
		return m.Importer
	}
	return i
}

// check type-checks a package. Where that fails it returns the declarations at fault, by file and index; -1 means all of
// a file that does not parse.
func (l *library) check(path string, srcs [][]byte) (*mutant, [][2]int) {
	fset := l.fset
	var files []*ast.File
	var faults [][2]int
	for i, src := range srcs {
		f, err := parser.ParseFile(fset, fmt.Sprintf("%s/%d.go", path, i), src, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			return nil, [][2]int{{i, -1}}
		}
		files = append(files, f)
	}
	cfg := types.Config{Importer: l.imports, Sizes: types.SizesFor("gc", "amd64"), Error: func(err error) {
		if e, ok := err.(types.Error); ok && !unused(e) {
			faults = append(faults, declAt(files, e.Pos))
		}
	}}
	info := &types.Info{Types: make(map[ast.Expr]types.TypeAndValue), Defs: make(map[*ast.Ident]types.Object),
		Uses: make(map[*ast.Ident]types.Object), Implicits: make(map[ast.Node]types.Object), Instances: make(map[*ast.Ident]types.Instance),
		Scopes: make(map[ast.Node]*types.Scope), Selections: make(map[*ast.SelectorExpr]*types.Selection), FileVersions: make(map[*ast.File]string)}
	pkg, _ := cfg.Check(path, fset, files, info)
	if len(faults) > 0 {
		return nil, faults
	}
	return &mutant{srcs: srcs, pkg: &packages.Package{ID: path, PkgPath: path, Name: pkg.Name(), Fset: fset, Syntax: files,
		Types: pkg, TypesInfo: info, TypesSizes: cfg.Sizes}}, nil
}

// unused tells whether err is about a variable or an import that is not used, which the analyzers need not mind; mutants are
// full of them. A label that is not used has no object, which stops the SSA builder: no compiler lets it through.
func unused(err types.Error) bool {
	return strings.HasPrefix(err.Msg, "declared and not used") || strings.Contains(err.Msg, "imported") && strings.HasSuffix(err.Msg, "and not used")
}

func declAt(files []*ast.File, pos token.Pos) [2]int {
	for i, f := range files {
		for j, d := range f.Decls {
			if d.Pos() <= pos && pos < d.End() {
				return [2]int{i, j}
			}
		}
	}
	return [2]int{}
}

// analyze runs the suite and returns the panic or the error of an analyzer.
func (m *mutant) analyze() (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	graph, err := checker.Analyze(Suite(), []*packages.Package{m.pkg}, &checker.Options{Sequential: true})
	if err != nil {
		return err
	}
	for a := range graph.All() {
		if a.Err != nil {
			return fmt.Errorf("%s: %w", a, a.Err)
		}
		for _, d := range a.Diagnostics {
			if d.Category == finding.FailureCategory {
				return fmt.Errorf("%s: %s: %s", a, m.pkg.Fset.Position(d.Pos), d.Message)
			}
		}
	}
	return nil
}

var errHangs = errors.New("the analysis does not end")

// bounded is analyze for at most three minutes of processor time: the race detector makes it slow.
func (m *mutant) bounded() error {
	done := make(chan error, 1)
	start := cpu()
	go func() { done <- m.analyze() }()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-tick.C:
			if cpu()-start > 3*time.Minute {
				buf := make([]byte, 1<<16)
				return fmt.Errorf("%w:\n%s", errHangs, buf[:runtime.Stack(buf, true)])
			}
		}
	}
}

// keep writes the sources of a package that an analyzer does not survive, to be made small by hand.
func (m *mutant) keep(t *testing.T) string {
	dir, err := os.MkdirTemp("", "crasher")
	if err != nil {
		t.Fatal(err)
	}
	for i, src := range m.srcs {
		if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(i)+".go"), src, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// cpu is the processor time that this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
