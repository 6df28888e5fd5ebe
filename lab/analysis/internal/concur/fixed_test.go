package concur

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/finding"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/search"
)

// TestFixedKernels demands silence on mended kernels.
func TestFixedKernels(t *testing.T) {
	dir := filepath.Join(goroot(t), "src/runtime/testdata/testgoroutineleakprofile/goker")
	alarms := 0
	for _, name := range slices.Sorted(maps.Keys(fixes)) {
		pairs := fixes[name]
		src, err := os.ReadFile(filepath.Join(dir, name+".go"))
		if err != nil {
			t.Fatal("this toolchain has no GoKer kernels; use a whole distribution of Go 1.26: ", err)
		}
		text := string(src)
		for i := 0; i < len(pairs); i += 2 {
			if !strings.Contains(text, pairs[i]) {
				t.Errorf("%s: the kernel has no %q", name, pairs[i])
			}
			text = strings.Replace(text, pairs[i], pairs[i+1], 1)
		}
		file := filepath.Join(t.TempDir(), name+".go")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		found := 0
		findings, _ := explore(t, file, filepath.Join(dir, "main.go"))
		for _, f := range findings {
			found++
			t.Logf("%s: %s", name, f.Message(fset))
		}
		if found > 0 {
			alarms++
		}
	}
	t.Logf("%d of %d mended kernels raise an alarm", alarms, len(fixes))
	if alarms > 0 {
		t.Errorf("%d mended kernels raise an alarm", alarms)
	}
}

// explore searches the package in files as the analyzer does, and says how much processor time that took.
func explore(t *testing.T, files ...string) ([]finding.Finding, time.Duration) {
	pkg, srcs, _ := buildSSA(t, files)
	start := cpu()
	e := search.New(pkg, srcs, search.Limits{})
	results := e.ExploreAll(search.Roots(srcs))
	for _, f := range e.Failures {
		t.Errorf("%s: the model failed: %v\n%s", f.Root, f.Value, f.Stack)
	}
	var out []finding.Finding
	for _, r := range results {
		out = append(out, finding.Finding{Result: r})
	}
	return out, cpu() - start
}
