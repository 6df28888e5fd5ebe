package main

import (
	"bytes"
	"os"
	"path/filepath"
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
	for _, args := range [][]string{{"torncfg", "again", "4.1"}, {"Torn-Cfg", "x", "1"}, {"one"}} {
		if err := run(dir, args); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}
