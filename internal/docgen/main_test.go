package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestGenerated(t *testing.T) {
	dir, err := referenceDir()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pages {
		have, err := os.ReadFile(filepath.Join(dir, p.path))
		if err != nil || string(have) != p.write() {
			t.Errorf("docs/reference/%s is stale: run go run ./internal/docgen (%v)", p.path, err)
		}
		if !strings.Contains(p.write(), generatedNote) {
			t.Errorf("docs/reference/%s does not say that it is generated", p.path)
		}
	}
}
