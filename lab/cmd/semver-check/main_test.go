package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/falsifiable/stability/lab/gate"
)

// The line that docs/guide/whitepaper.md §4.4 has. What it finds is tested in lab/gate/modules.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("GOWORK", "off")
	t.Setenv("GOFLAGS", "-mod=mod")
	for name, content := range map[string]string{
		"go.mod":     "module example.com/app\n\ngo 1.21\n\nrequire example.com/lib v1.2.0\n\nreplace example.com/lib v1.2.0 => ./lib\n",
		"lib/go.mod": "module example.com/lib\n",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		args []string
		code int
		text string
	}{
		{[]string{"-C", dir, "--require-minor=1.2.0"}, gate.ExitFailed, "replaced by the directory ./lib"},
		{[]string{"-C", dir, "--require-minor=1.2.0", "-json"}, gate.ExitFailed, `"verdict": "failed"`},
		{[]string{"-C", dir, "--require-minor=1.3.0"}, gate.ExitUsage, "nothing to hold"},
		{[]string{"-C", dir}, gate.ExitUsage, "give --require-minor"},
		{[]string{"-require-major=1"}, gate.ExitUsage, "not defined"},
		{[]string{"-h"}, gate.ExitPassed, "Exit codes"},
	} {
		var stdout, stderr strings.Builder
		code := run(t.Context(), test.args, &stdout, &stderr)
		if text := stdout.String() + stderr.String(); code != test.code || !strings.Contains(text, test.text) {
			t.Errorf("%q: exit code %d, want %d, and %q in:\n%s", test.args, code, test.code, test.text, text)
		}
	}
}
