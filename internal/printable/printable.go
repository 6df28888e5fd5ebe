// Package printable makes text harmless that others wrote and that a terminal shows: an escape sequence in it could move the
// cursor, rewrite what was printed before, or have the terminal answer for the user.
package printable

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// String returns s with its control characters, but for tabs and line feeds, and its marks that turn the direction of text
// written as \u and four hexadecimal digits: as JSON, for one, reads them. Bytes that are no UTF-8 become U+FFFD.
func String(s string) string {
	if strings.IndexFunc(s, harmful) < 0 && utf8.ValidString(s) {
		return s
	}
	var out strings.Builder
	for _, r := range s {
		if harmful(r) {
			fmt.Fprintf(&out, `\u%04x`, r)
		} else {
			out.WriteRune(r)
		}
	}
	return out.String()
}

func harmful(r rune) bool {
	switch {
	case r == '\n', r == '\t':
		return false
	case unicode.IsControl(r): // C0, DEL and C1, among which is a one-character CSI
		return true
	case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x200e, r == 0x200f, r == 0x061c: // directions
		return true
	}
	return r == 0x2028 || r == 0x2029 // line and paragraph separators
}

// Writer returns a writer that passes text on to w made harmless. A character must not be split between two calls of Write.
func Writer(w io.Writer) io.Writer { return writer{w} }

type writer struct{ inner io.Writer }

func (w writer) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.inner, String(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
