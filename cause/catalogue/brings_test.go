package catalogue

import (
	"slices"
	"testing"

	"github.com/falsifiable/stability/cause"
)

// What a cause brings about is in the catalogue, and is another one.
func TestCausesBringCauses(t *testing.T) {
	for _, c := range All() {
		for _, id := range c.Brings {
			if id == c.ID || !slices.ContainsFunc(All(), func(known cause.Cause) bool { return known.ID == id }) {
				t.Errorf("%s brings %s, which is no other cause", c.ID, id)
			}
		}
	}
}
