package stdlib

import (
	"go/types"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/checker"
	"golang.org/x/tools/go/analysis/passes/ctrlflow"
	"golang.org/x/tools/go/packages"
)

func TestContains(t *testing.T) {
	out, err := exec.Command("go", "list", "std").Output()
	if err != nil {
		t.Fatal(err)
	}
	for path := range strings.FieldsSeq(string(out)) {
		if !Contains("", path) {
			t.Errorf("%s is not counted as standard", path)
		}
	}
	for path, module := range map[string]string{"index/words": "index", "example.org/net": "example.org/net", "payment": "", "time": "time"} {
		if Contains(module, path) {
			t.Errorf("%s of module %q counts as standard", path, module)
		}
	}
}

// meant are functions that never return and that no program calls by their names, to end something.
var meant = map[string]bool{
	"(*math/rand.runtimeSource).Seed": true, "runtime.CPUProfile": true,
}

// In the standard library, exported functions of exported types that never return are in the packages of HasFacts.
func TestHasFacts(t *testing.T) {
	if testing.Short() {
		t.Skip("it type-checks the standard library")
	}
	pkgs, err := packages.Load(&packages.Config{Mode: packages.LoadAllSyntax}, "std")
	if err != nil {
		t.Fatal(err)
	}
	graph, err := checker.Analyze([]*analysis.Analyzer{ctrlflow.Analyzer}, pkgs, nil)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]bool)
	for action := range graph.All() {
		path := action.Package.PkgPath
		if strings.Contains(path, "internal") {
			continue
		}
		for _, fact := range action.AllObjectFacts() {
			f, ok := fact.Object.(*types.Func)
			if !ok || !f.Exported() || f.Pkg() != action.Package.Types || hidden(f) || meant[f.FullName()] {
				continue
			}
			if found[path] = true; !HasFacts(path) {
				t.Errorf("%s never returns, and nobody would be told", f.FullName())
			}
		}
	}
	if !found["log"] || !found["testing"] || !found["os"] {
		t.Errorf("facts about %v only", found)
	}
}

// hidden tells whether the receiver of f is a type that its package keeps to itself; testing.common is in T and B.
func hidden(f *types.Func) bool {
	recv := f.Signature().Recv()
	if recv == nil {
		return false
	}
	name := types.TypeString(recv.Type(), func(*types.Package) string { return "" })
	name = strings.TrimPrefix(name, "*")
	return name != "common" && strings.ToLower(name[:1]) == name[:1]
}
