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
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/go/ssa"
	"golang.org/x/tools/go/ssa/ssautil"
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
		t.Skip(err)
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

func state(op string) string {
	switch op {
	case "send":
		return "chan send"
	case "receive":
		return "chan receive"
	case "select":
		return "select"
	case "RLock":
		return "sync.RWMutex.RLock"
	case "Lock":
		return "sync.Mutex.Lock] [sync.RWMutex.Lock"
	}
	return "sync." + op
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

func TestGoKer(t *testing.T) {
	root := goroot(t)
	dir := filepath.Join(root, "src/runtime/testdata/testgoroutineleakprofile/goker")
	pats := patterns(t, root)
	files, _ := filepath.Glob(filepath.Join(dir, "*.go"))
	hit, total := 0, 0
	only := os.Getenv("KERNEL")
	for _, f := range files {
		base := strings.TrimSuffix(filepath.Base(f), ".go")
		if base == "main" || only != "" && base != only {
			continue
		}
		name := strings.ToUpper(base[:1]) + base[1:]
		if name == "Moby25384" {
			pats[name] = pats["Moby25348"]
		}
		pkg, srcs, fset := buildSSA(t, []string{f, filepath.Join(dir, "main.go")})
		e := NewExplorer(pkg, Limits{})
		e.Strict = true
		start := time.Now()
		var got []string
		ok := false
		for _, r := range Roots(pkg, srcs) {
			for _, fd := range e.Explore(r) {
				line := fmt.Sprintf("  root %s cost %d runs %d:", runtimeName(r), fd.Choices, fd.Runs)
				if fd.Crash != nil {
					line += " CRASH " + fd.Crash.What + " " + fset.Position(fd.Crash.Pos).String()
				}
				for _, b := range fd.Blocked {
					match := ""
					for _, s := range b.Stack {
						text := runtimeName(s) + "(...) [" + state(b.Op) + "]"
						for _, re := range pats[name] {
							if re.MatchString(text) || re.MatchString(strings.ReplaceAll(text, "sync.Mutex.Lock] [", "")) {
								match, ok = "*", true
							}
						}
					}
					line += fmt.Sprintf(" %s%s:%d[%s %s]", match, runtimeName(b.Func), fset.Position(b.Pos).Line, b.Op, b.Object)
				}
				got = append(got, line)
				if only != "" {
					for _, s := range fd.Path {
						got = append(got, fmt.Sprintf("      g%d %s %s", s.Goroutine, s.Text, fset.Position(s.Pos)))
					}
				}
			}
		}
		total++
		mark := "MISS"
		if ok {
			hit++
			mark = "hit "
		}
		t.Logf("%s %s %v work %d\n%s", mark, name, time.Since(start).Round(time.Millisecond), e.Used, strings.Join(got, "\n"))
	}
	t.Logf("%d of %d", hit, total)
}
