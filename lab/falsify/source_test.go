package falsify

import (
	"os"
	"path/filepath"
	"testing"
)

// Two contracts may have a check of one name.
func TestLocate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "main.go")
	source := `package main

var a = Contract{Name: "a", Checks: []Check{
	{Name: "x", Expr: "1"},
	{Name: "y", Expr: "1"},
}}
var b = Contract{Name: "b", Checks: []Check{
	{Name: "x", Expr: "2"},
}}
var loose = Check{Name: "z", Expr: "3"}
`
	if err := os.WriteFile(path, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	found := locate([]string{path}, dir)
	for _, want := range []struct {
		contract, check string
		line            int
	}{{"a", "x", 4}, {"a", "y", 5}, {"b", "x", 8}, {"whichever", "z", 10}, {"b", "y", 0}} {
		if at := found.of(want.contract, want.check); at.Line != want.line || want.line > 0 && at.File != "main.go" {
			t.Errorf("%s/%s is at %+v, want line %d", want.contract, want.check, at, want.line)
		}
	}
}
