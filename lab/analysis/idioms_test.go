package analysis

import (
	"testing"

	"golang.org/x/tools/go/analysis/checker"
	"golang.org/x/tools/go/packages"
)

// TestIdioms demands silence of the whole suite on worker pools, pipelines, hubs, caches and the like, as people write them.
func TestIdioms(t *testing.T) {
	pkgs, err := packages.Load(&packages.Config{Mode: packages.LoadAllSyntax &^ packages.NeedDeps, Dir: "testdata/idioms"}, ".")
	if err != nil || packages.PrintErrors(pkgs) > 0 {
		t.Fatal("loading:", err)
	}
	pkgs[0].Imports = nil // no facts about the standard library: loading it whole takes long
	graph, err := checker.Analyze(Suite(), pkgs, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, root := range graph.Roots {
		if root.Err != nil {
			t.Error(root, root.Err)
		}
		for _, d := range root.Diagnostics {
			t.Errorf("%s: %s [%s]", pkgs[0].Fset.Position(d.Pos), d.Message, root.Analyzer.Name)
		}
	}
	if len(graph.Roots) != len(Suite()) {
		t.Errorf("%d analyzers ran, want %d", len(graph.Roots), len(Suite()))
	}
}
