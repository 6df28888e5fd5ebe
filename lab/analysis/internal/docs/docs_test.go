package docs

import "testing"

func TestExtract(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"usual", "// Package leak finds leaks.\n//\n//\tcode\n// More.\npackage leak\n", "finds leaks.\n\n\tcode\nMore."},
		{"ends at the code", "// Package a does.\npackage a\n// Not this.\n", "does."},
		{"no comment", "package a\n", ""},
		{"no name", "// It does.\npackage a\n", "It does."},
		{"only a name", "// Package a\npackage a\n", "Package a"},
		{"empty", "", ""},
	} {
		if got := Extract(c.src); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestURL(t *testing.T) {
	if got := URL("leak"); got != "https://pkg.go.dev/github.com/falsifiable/stability/lab/analysis/leak" {
		t.Error(got)
	}
}
