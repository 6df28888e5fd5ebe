package finding

import (
	"fmt"
	"strings"

	"golang.org/x/tools/go/analysis"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/search"
)

// FailureCategory is the category of diagnostics that are about a failure of the analyzer, not of the program.
const FailureCategory = "internal-failure"

// maxFrames is how many lines of the model's own stack a message tells.
const maxFrames = 4

// Failure makes a diagnostic of a failure of the model.
func Failure(f search.Failure) analysis.Diagnostic {
	d := analysis.Diagnostic{Pos: f.Pos, Category: FailureCategory}
	if !d.Pos.IsValid() {
		d.Pos = f.Root.Pos()
	}
	d.Message = fmt.Sprintf("internal failure: the model checker stopped here while it explored %s: %v (%s); findings about it are missing: please report this with the function",
		f.Root.RelString(nil), f.Value, ownFrames(f.Stack))
	return d
}

// ownFrames returns the innermost places of the checker in a stack.
func ownFrames(stack string) string {
	var frames []string
	for _, line := range strings.Split(stack, "\n") {
		line = strings.TrimSpace(line)
		_, at, ok := strings.Cut(line, "/internal/concur/")
		if !ok || !strings.Contains(at, ".go:") || strings.Contains(at, "search.go") {
			continue
		}
		at, _, _ = strings.Cut(at, " ")
		if frames = append(frames, at); len(frames) == maxFrames {
			break
		}
	}
	return strings.Join(frames, ", ")
}
