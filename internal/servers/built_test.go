package servers

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Only what cannot be fetched is not to be had. What does not compile is a mistake, and must not look like a test that was left out.
func TestWhatIsNotToBeHad(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("GOPROXY", "off")
	for _, test := range []struct {
		what, source, words string
		absent              bool
	}{
		{"it does not compile", "package main\n\nfunc main() { missing() }\n", "undefined: missing", false},
		{"it imports what nobody has", "package main\n\nimport _ \"example.invalid/none\"\n\nfunc main() {}\n", "example.invalid/none", true},
	} {
		module := t.TempDir()
		for name, text := range map[string]string{"go.mod": "module server\n\ngo 1.26\n", "main.go": test.source} {
			if err := os.WriteFile(filepath.Join(module, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := build(t.Context(), module, ".")
		if err == nil || errors.Is(err, ErrNotToBeHad) != test.absent || !strings.Contains(err.Error(), test.words) {
			t.Errorf("%s: %v", test.what, err)
		}
	}
}
