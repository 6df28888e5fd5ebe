//go:build race

package memlimit

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// program returns this test as a program. The race detector keeps a shadow of the heap, several times as large: what
// is measured in a small container must do without.
func program(t *testing.T) string {
	name := filepath.Join(t.TempDir(), "memlimit.test")
	if out, err := exec.Command("go", "test", "-c", "-o", name, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return name
}
