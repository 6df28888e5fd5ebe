package analysis

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/checker"
	"golang.org/x/tools/go/packages"
)

var only = regexp.MustCompile(`// only (\w+)$`)

// TestSwitchedOff takes each analyzer out of the suite, one after the other: the mistake in testdata/off that bears its name is
// missed then, and everything else is still found. So each analyzer is needed, and has a case that shows it.
func TestSwitchedOff(t *testing.T) {
	const dir = "testdata/off"
	src, err := os.ReadFile(filepath.Join(dir, "off.go"))
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[string]int) // line, by analyzer
	line := 0
	for text := range strings.Lines(string(src)) {
		line++
		if m := only.FindStringSubmatch(strings.TrimSpace(text)); m != nil {
			want[m[1]] = line
		}
	}
	pkgs, err := packages.Load(&packages.Config{Mode: packages.LoadAllSyntax &^ packages.NeedDeps, Dir: dir}, ".")
	if err != nil || packages.PrintErrors(pkgs) > 0 {
		t.Fatal("loading:", err)
	}
	pkgs[0].Imports = nil // see TestIdioms
	suite := Suite()
	all := lines(t, suite, pkgs)
	for _, a := range suite {
		if want[a.Name] == 0 {
			t.Errorf("testdata/off has no case for %s", a.Name)
		}
	}
	if len(all) != len(want) {
		t.Errorf("the whole suite reports lines %v, want those of %v", all, want)
	}
	for i, a := range suite {
		rest := lines(t, slices.Delete(slices.Clone(suite), i, i+1), pkgs)
		at := want[a.Name]
		if !slices.Contains(all, at) {
			t.Errorf("%s does not report line %d", a.Name, at)
		}
		if slices.Contains(rest, at) {
			t.Errorf("line %d is reported without %s too", at, a.Name)
		}
		if len(rest) != len(all)-1 {
			t.Errorf("without %s, lines %v are reported, of %v", a.Name, rest, all)
		}
	}
}

// lines returns the lines at which the analyzers report something, in order.
func lines(t *testing.T, suite []*analysis.Analyzer, pkgs []*packages.Package) (out []int) {
	graph, err := checker.Analyze(suite, pkgs, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, root := range graph.Roots {
		if root.Err != nil {
			t.Error(root, root.Err)
		}
		for _, d := range root.Diagnostics {
			at := pkgs[0].Fset.Position(d.Pos)
			out = append(out, at.Line)
			t.Log(fmt.Sprintf("%d: %s [%s]", at.Line, d.Message, root.Analyzer.Name))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
