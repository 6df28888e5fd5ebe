package controller

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// The limit of the API server is in bytes, and half a letter is no text.
func TestClip(t *testing.T) {
	for _, test := range []struct {
		text string
		n    int
		want string
	}{{"short", 5, "short"}, {"longer", 5, "longe…"}, {strings.Repeat("契", 3), 7, "契契…"}} {
		if got := clip(test.text, test.n); got != test.want || !utf8.ValidString(got) {
			t.Errorf("clip(%q, %d) = %q, want %q", test.text, test.n, got, test.want)
		}
	}
}
