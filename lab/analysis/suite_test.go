package analysis

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/tools/go/analysis"
)

// TestSuite holds what each analyzer must bring: a valid set, a documentation that cites its source, test data.
func TestSuite(t *testing.T) {
	if err := analysis.Validate(Suite()); err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, a := range Suite() {
		if seen[a.Name] {
			t.Errorf("two analyzers are named %s", a.Name)
		}
		seen[a.Name] = true
	}
	for _, a := range Own() {
		if !strings.Contains(a.Doc, "docs/guide/whitepaper.md §") {
			t.Errorf("%s: its documentation cites no section of the whitepaper", a.Name)
		}
		if strings.HasPrefix(a.Doc, "Package") || !strings.HasPrefix(a.Doc, "find") && !strings.HasPrefix(a.Doc, "check") {
			t.Errorf("%s: its documentation begins %.30q", a.Name, a.Doc)
		}
		cause, _, _ := strings.Cut(a.Name, "_") // the folder
		if _, err := os.Stat(cause + "/testdata/src"); err != nil {
			t.Errorf("%s: %v", a.Name, err)
		}
	}
	for _, c := range Composed() {
		if c.Why == "" {
			t.Errorf("%s: no reason why it is in", c.Analyzer.Name)
		}
	}
}
