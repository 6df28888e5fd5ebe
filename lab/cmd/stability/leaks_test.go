package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A dump may come from anybody: nothing in it reaches the terminal but text.
func TestLeaksPrintsNoEscapes(t *testing.T) {
	const harm = "\x1b]0;owned\x07\u009b31m\u202e"
	dump := filepath.Join(t.TempDir(), "dump.txt")
	text := strings.Repeat("goroutine 7 [chan receive, 30 minutes]:\nmain."+harm+"wait(...)\n\t/srv/"+harm+"main.go:7 +0x12\ncreated by main."+harm+"begin in goroutine 1\n\t/srv/main.go:3 +0x1\n\n", 3)
	if err := os.WriteFile(dump, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{dump}, {"-all", dump}, {"-json", dump}, {"no such " + harm}} {
		var stdout, stderr bytes.Buffer
		runLeaks(t.Context(), args, &stdout, &stderr)
		out := stdout.String() + stderr.String()
		if out == "" || strings.ContainsAny(out, "\x1b\x07\u009b\u202e") {
			t.Errorf("%q: it prints %q", args, out)
		}
	}
}
