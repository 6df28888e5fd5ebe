package concur

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/finding"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/search"
)

// A failure of the model is reported with the function and the place where it was, and ends the search of that function only.
func TestFailure(t *testing.T) {
	pkg, srcs, _ := buildSSA(t, []string{write(t, `package main

func Waits(c chan int) {
	done := make(chan int)
	go func() { done <- 1 }()
	<-c
}

func Breaks() {
	a := make(chan int)
	go func() { a <- 1 }()
	<-a
}
`)})
	e := search.New(pkg, srcs, search.Limits{})
	// A jump to nowhere, which no SSA builder makes.
	breaks := pkg.Func("Breaks").Blocks[0]
	breaks.Instrs[len(breaks.Instrs)-1] = &ssa.Jump{}
	results := e.ExploreAll(search.Roots(srcs))
	if len(results) != 1 || results[0].Root.Name() != "Waits" {
		t.Errorf("%d results, want the one of Waits", len(results))
	}
	if len(e.Failures) != 1 {
		t.Fatalf("%d failures, want one", len(e.Failures))
	}
	d := finding.Failure(e.Failures[0])
	if line := fset.Position(d.Pos).Line; line < 9 || line > 13 || d.Category != finding.FailureCategory ||
		!strings.Contains(d.Message, "main.Breaks") || !strings.Contains(d.Message, "please report") || !strings.Contains(d.Message, "exec/") {
		t.Errorf("line %d, %q: %s", line, d.Category, d.Message)
	}
}

// write returns the name of a file with that text.
func write(t *testing.T, text string) string {
	name := filepath.Join(t.TempDir(), "p.go")
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}
