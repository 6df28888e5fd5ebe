package vet

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// TestInputs runs the command on inputs on which it was found wrong once, and holds each against what is expected of it: see the
// comment at the beginning of testdata/inputs.txtar.
func TestInputs(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/inputs.txtar")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	want := make(map[string][]string) // the findings, by folder
	for _, f := range archive.Files {
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
		if folder, _, ok := strings.Cut(f.Name, "/"); ok && folder != "fakes" {
			want[folder] = append(want[folder], expected(f.Name, string(f.Data))...)
		}
	}
	t.Chdir(dir)
	t.Setenv("GOWORK", "off")
	t.Setenv("GOFLAGS", "")
	code, out, errs := vet(t, "-json", "-all", "./...")
	var doc struct{ Findings []Finding }
	if err := json.Unmarshal([]byte(out), &doc); err != nil || code != ExitFindings {
		t.Fatalf("code %d, %v\n%s%s", code, err, out, errs)
	}
	got := make(map[string][]string)
	for _, f := range doc.Findings {
		name, err := filepath.Rel(dir, f.File)
		if err != nil {
			t.Fatal(err)
		}
		folder, _, _ := strings.Cut(filepath.ToSlash(name), "/")
		if is := spot(filepath.ToSlash(name), f.Line, f.Analyzer); !slices.Contains(got[folder], is) {
			got[folder] = append(got[folder], is)
		}
		if folder == "k18_fix" && f.Fix != "" {
			t.Error("a fix is offered where a callee takes the lock")
		}
	}
	for folder := range want {
		t.Run(folder, func(t *testing.T) {
			slices.Sort(want[folder])
			slices.Sort(got[folder])
			if !slices.Equal(got[folder], want[folder]) {
				t.Errorf("found:\n\t%s\nwant:\n\t%s", strings.Join(got[folder], "\n\t"), strings.Join(want[folder], "\n\t"))
			}
		})
	}
}

// expected returns what is to be found in a file.
func expected(name, src string) (out []string) {
	line := 0
	for text := range strings.Lines(src) {
		line++
		if _, analyzers, ok := strings.Cut(text, "// finds "); ok {
			for _, a := range strings.Fields(analyzers) {
				out = append(out, spot(name, line, a))
			}
		}
	}
	return out
}

func spot(name string, line int, analyzer string) string {
	return fmt.Sprintf("%s:%d [%s]", name, line, analyzer)
}
