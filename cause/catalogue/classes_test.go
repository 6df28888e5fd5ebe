package catalogue

import (
	"slices"
	"testing"

	"github.com/falsifiable/stability/cause"
)

// The classes are closed: a cause has one of the nine, and each of the nine has a cause.
func TestEveryClassHasACause(t *testing.T) {
	known := cause.Classes()
	if len(known) != 9 {
		t.Fatalf("%d classes, want nine", len(known))
	}
	for _, class := range known {
		if !slices.ContainsFunc(All(), func(c cause.Cause) bool { return c.Class == class }) {
			t.Errorf("no cause is of class %s", class)
		}
	}
	for _, c := range All() {
		if !slices.Contains(known, c.Class) {
			t.Errorf("cause %s is of %s, which is none of the nine", c.ID, c.Class)
		}
	}
}
