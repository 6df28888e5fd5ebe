package main

import (
	"bytes"
	"go/format"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const catalogue = "../../cause"

// TestGenerated fails when a generated file is stale.
func TestGenerated(t *testing.T) {
	files, err := generated(catalogue)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 5 {
		t.Fatalf("only %d files are generated", len(files))
	}
	for name, want := range files {
		if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is stale (%v); run: go run ./internal/newcause", name, err)
		}
	}
}

func TestLayOut(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "catalogue"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := run(dir, []string{"torncfg", "Torn config", "4.1"}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"torncfg/doc.go", "torncfg/torncfg.go", "torncfg/experiment.txtar", "torncfg/torncfg_test.go", "catalogue/catalogue.go"} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.Contains(string(content), "torncfg") {
			t.Errorf("%s: %v: %s", name, err, content)
		}
	}
	if content, err := os.ReadFile(filepath.Join(dir, "torncfg", "torncfg.go")); err != nil || !strings.Contains(string(content), "cause.ConfigReload") {
		t.Errorf("section 4.1 is of class config reload: %v: %s", err, content)
	}
	for _, args := range [][]string{{"torncfg", "again", "4.1"}, {"Torn-Cfg", "x", "1"}, {"nowhere", "x", "9.9"}, {"one"}} {
		if err := run(dir, args); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}

// What is laid out is Go as gofmt would have it, and the names of the classes are constants of package cause.
func TestLaidOutSource(t *testing.T) {
	declared, err := os.ReadFile(filepath.Join(catalogue, "cause.go"))
	if err != nil {
		t.Fatal(err)
	}
	for class, name := range constants {
		if class > 0 && !regexp.MustCompile(`(?m)^\t`+name+`\b.*// §`).Match(declared) {
			t.Errorf("package cause has no class %q", name)
		}
	}
	dir := t.TempDir()
	if err := layOut(dir, newCause{ID: "torncfg", Title: "Torn config", Section: "4.1"}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"doc.go", "torncfg.go"} {
		content, err := os.ReadFile(filepath.Join(dir, "torncfg", name))
		if err != nil {
			t.Fatal(err)
		}
		if formatted, err := format.Source(content); err != nil || !bytes.Equal(formatted, content) {
			t.Errorf("%s: %v, or not as gofmt would have it", name, err)
		}
	}
}
