// Command docgen writes the pages of docs/reference that are generated, and what services show of them, each from the one place where its facts
// are declared. Run it from anywhere inside the repository:
//
//	go run ./internal/docgen
//
// A page is a file of this package with a function that returns its text, and a line in pages.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// page is a generated page, by its path below docs/reference.
type page struct {
	path  string
	write func() string
}

var pages = []page{
	{"causes.md", causesPage},
	{"demands.md", demandsPage},
	{"expr.md", exprPage},
	{"faults.md", faultsPage},
	{"signals.md", signalsPage},
	{"../../cause/catalogue/english.json", descriptionsFile},
}

func main() {
	if err := generate(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func generate() error {
	dir, err := referenceDir()
	if err != nil {
		return err
	}
	for _, p := range pages {
		path := filepath.Join(dir, p.path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("docgen: writing %s: %w", p.path, err)
		}
		if err := os.WriteFile(path, []byte(p.write()), 0o644); err != nil {
			return fmt.Errorf("docgen: writing %s: %w", p.path, err)
		}
	}
	return nil
}

// referenceDir finds docs/reference beside the go.work above the working directory.
func referenceDir() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("docgen: looking for the repository: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return filepath.Join(dir, "docs", "reference"), nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("docgen: looking for the repository: no go.work here or above")
		}
		dir = parent
	}
}
