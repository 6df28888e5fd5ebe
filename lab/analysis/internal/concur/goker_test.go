package concur

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/tools/go/ssa"
	"golang.org/x/tools/go/ssa/ssautil"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/finding"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/prim"
)

func goroot(t testing.TB) string {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// patterns returns the expected leaks by kernel from the runtime's own test.
func patterns(t testing.TB, root string) map[string][]*regexp.Regexp {
	src, err := os.ReadFile(filepath.Join(root, "src/runtime/goroutineleakprofile_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string][]*regexp.Regexp)
	name := ""
	head := regexp.MustCompile(`make(?:Flaky)?Test\((?:testCase\{name: )?"(\w+)"`)
	pat := regexp.MustCompile("`([^`]+)`")
	for _, line := range strings.Split(string(src), "\n") {
		if m := head.FindStringSubmatch(line); m != nil {
			name = m[1]
		}
		for _, m := range pat.FindAllStringSubmatch(line, -1) {
			if re, err := regexp.Compile(m[1]); err == nil && name != "" {
				out[name] = append(out[name], re)
			}
		}
	}
	return out
}

func runtimeName(f *ssa.Function) string {
	if f.Pkg == nil {
		return f.String()
	}
	s := f.RelString(f.Pkg.Pkg)
	parts := strings.Split(s, "$")
	for i, p := range parts[1:] {
		if i == 0 {
			p = "func" + p
		}
		parts[i+1] = p
	}
	return strings.Join(parts, ".")
}

// waitReasons are those under which the runtime shows a kind of waiting.
var waitReasons = map[*machine.WaitKind][]string{
	prim.WaitSend:      {"chan send"},
	prim.WaitReceive:   {"chan receive"},
	prim.WaitSelect:    {"select"},
	prim.WaitLock:      {"sync.Mutex.Lock", "sync.RWMutex.Lock"},
	prim.WaitRLock:     {"sync.RWMutex.RLock"},
	prim.WaitGroupWait: {"sync.WaitGroup.Wait"},
	prim.CondWait:      {"sync.Cond.Wait"},
}

var (
	fset = token.NewFileSet()
	imp  = importer.ForCompiler(fset, "source", nil)
)

func buildSSA(t testing.TB, files []string) (*ssa.Package, []*ssa.Function, *token.FileSet) {
	var asts []*ast.File
	for _, f := range files {
		a, err := parser.ParseFile(fset, f, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		asts = append(asts, a)
	}
	pkg := types.NewPackage("main", "main")
	spkg, info, err := ssautil.BuildPackage(&types.Config{Importer: imp}, fset, pkg, asts, ssa.BuilderMode(0))
	if err != nil {
		t.Fatal(err)
	}
	var srcs []*ssa.Function
	for _, a := range asts {
		for _, d := range a.Decls {
			if fd, ok := d.(*ast.FuncDecl); ok {
				if fn := spkg.Prog.FuncValue(info.Defs[fd.Name].(*types.Func)); fn != nil {
					srcs = append(srcs, fn)
				}
			}
		}
	}
	return spkg, srcs, fset
}

// minScore is the number of kernels that must be found for the right reason: a goroutine reported as stuck, in the
// function and the kind of wait that the runtime's own test expects.
const minScore = 62

// TestGoKerScore runs the search on each GoKer kernel by itself and prints the table. KERNEL=name narrows it to one and
// shows the paths.
func TestGoKerScore(t *testing.T) {
	root := goroot(t)
	dir := filepath.Join(root, "src/runtime/testdata/testgoroutineleakprofile/goker")
	pats := patterns(t, root)
	pats["Moby25384"] = pats["Moby25348"]
	files, _ := filepath.Glob(filepath.Join(dir, "*.go"))
	if len(files) == 0 {
		t.Fatal("this toolchain has no GoKer kernels: use a whole distribution of Go 1.26")
	}
	hits, total := 0, 0
	var slowest time.Duration
	only := os.Getenv("KERNEL")
	for _, f := range files {
		base := strings.TrimSuffix(filepath.Base(f), ".go")
		if base == "main" || only != "" && base != only {
			continue
		}
		name := strings.ToUpper(base[:1]) + base[1:]
		hit := false
		var got []string
		findings, used := explore(t, f, filepath.Join(dir, "main.go"))
		slowest = max(slowest, used)
		for _, fd := range findings {
			hit = hit || expected(&fd, pats[name])
			got = append(got, summary(&fd, only != ""))
		}
		total++
		word := "MISSED"
		if hit {
			hits++
			word = "found"
		}
		t.Logf("%-18s %-6s %4d findings %6v cpu\n%s", name, word, len(got), used.Round(time.Millisecond), strings.Join(got, "\n"))
	}
	t.Logf("%d of %d kernels found for the right reason; the slowest took %v of processor time", hits, total, slowest.Round(time.Millisecond))
	if only == "" && hits < minScore {
		t.Errorf("%d kernels found, want %d", hits, minScore)
	}
}

// cpu is the processor time that this process has used, collector included: unlike the clock it means something on a
// busy machine.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// expected tells whether one of the goroutines reported as stuck is one that the runtime's test expects.
func expected(f *finding.Finding, pats []*regexp.Regexp) bool {
	for _, st := range f.Stuck {
		for _, fn := range st.Stack {
			for _, reason := range waitReasons[st.Wait.Kind] {
				text := runtimeName(fn) + "(...) [" + reason + "]"
				if slices.ContainsFunc(pats, func(re *regexp.Regexp) bool { return re.MatchString(text) }) {
					return true
				}
			}
		}
	}
	return false
}

func summary(f *finding.Finding, withPath bool) string {
	if f.Crash != nil {
		return "  crash: " + f.Crash.Kind.What
	}
	s := fmt.Sprintf("  %s:", runtimeName(f.Root))
	for i := range f.Stuck {
		st := &f.Stuck[i]
		s += fmt.Sprintf(" %s:%d %s;", runtimeName(st.Func), fset.Position(st.Pos).Line, finding.Words(st))
	}
	if withPath {
		s += "\n    " + f.Message(fset)
	}
	return s
}
