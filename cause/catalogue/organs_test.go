package catalogue

import (
	"os"
	"path/filepath"
	"testing"
)

// A defense that a cause names is a folder of room defense. (Signals are held by cause.Validate; faults and analyzers by
// tests of the lab, because this room does not know those.)
func TestDefensesExist(t *testing.T) {
	for _, c := range All() {
		for _, name := range c.Defenses.Names {
			if info, err := os.Stat(filepath.Join("..", "..", "defense", name)); err != nil || !info.IsDir() {
				t.Errorf("%s: there is no defense %q", c.ID, name)
			}
		}
	}
}
