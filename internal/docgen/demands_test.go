package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDemandsAreTrue looks for every place and every test that the table of demands names.
func TestDemandsAreTrue(t *testing.T) {
	all, err := parseDemands(demandsText)
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join("..", "..")
	for _, d := range all {
		if d.none == "" && (len(d.places) == 0 || len(d.tests) == 0) {
			t.Errorf("%s is met somewhere, yet names no place or no test", d.id)
		}
		for _, p := range d.places {
			if _, err := os.Stat(filepath.Join(root, p)); err != nil {
				t.Errorf("%s: %v", d.id, err)
			}
		}
		for _, test := range d.tests {
			place, name, _ := strings.Cut(test, "#")
			if !hasTest(t, filepath.Join(root, place), name) {
				t.Errorf("%s: there is no %s in %s", d.id, name, place)
			}
		}
	}
}

// hasTest tells whether a test file, or one in a folder, declares that test.
func hasTest(t *testing.T, place, name string) bool {
	t.Helper()
	files := []string{place}
	if !strings.HasSuffix(place, ".go") {
		var err error
		if files, err = filepath.Glob(filepath.Join(place, "*_test.go")); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+name+"(") {
			return true
		}
	}
	return false
}

func TestDemandsAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"R1 | a | b":            "demands.txt:1: 3 cells",
		"# x\nR2 | a | b | c":   "demands.txt:2: R2 stands where R1 should",
		"R1 | a | None: no | -": "demands.txt: 1 demands, not 118",
	} {
		if _, err := parseDemands(text); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}
