package concur

import (
	"go/parser"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// parts are the packages of the checker, each of which may import those before it only.
var parts = []string{"ir", "arena", "facts", "heap", "machine", "prim", "exec", "reach", "search", "finding"}

// TestOneDirection holds the order of the parts, and that all of them are in it.
func TestOneDirection(t *testing.T) {
	dirs, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		if d.IsDir() && d.Name() != "testdata" && !slices.Contains(parts, d.Name()) {
			t.Errorf("package %s has no place in the order", d.Name())
		}
	}
	for rank, part := range parts {
		files, err := filepath.Glob(part + "/*.go")
		if err != nil || len(files) == 0 {
			t.Errorf("package %s has no files: %v", part, err)
		}
		for _, name := range files {
			f, err := parser.ParseFile(fset, name, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, spec := range f.Imports {
				imported := strings.Trim(spec.Path.Value, `"`)
				if of, ok := strings.CutPrefix(imported, "github.com/falsifiable/stability/lab/analysis/internal/concur/"); ok && slices.Index(parts, path.Base(of)) >= rank {
					t.Errorf("%s imports %s, which comes after it", name, of)
				}
			}
		}
	}
}
