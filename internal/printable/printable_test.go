package printable

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode"
)

func TestString(t *testing.T) {
	for in, want := range map[string]string{
		"plain, ümlaut, 世界\tand\nlines": "plain, ümlaut, 世界\tand\nlines",
		"\x1b[2Jgone":                   `\u001b[2Jgone`,
		"\x1b]0;title\x07":              `\u001b]0;title\u0007`,
		"over\rwritten":                 `over\u000dwritten`,
		"back\b\b\b\bspace":             `back\u0008\u0008\u0008\u0008space`,
		"\u009b31m":                     `\u009b31m`,
		"\x7f":                          `\u007f`,
		"abc\u202etxt.exe":              `abc\u202etxt.exe`,
		"\xff\xfe":                      "\ufffd\ufffd",
		"":                              "",
	} {
		if got := String(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func TestWriterKeepsJSON(t *testing.T) {
	const harm = "x\u009b31m\u202e\x1b[2J"
	text, err := json.Marshal(harm)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if n, err := fmt.Fprint(Writer(&out), string(text)); n != len(text) || err != nil {
		t.Fatal(n, err)
	}
	var back string
	if err := json.Unmarshal([]byte(out.String()), &back); err != nil || back != harm {
		t.Errorf("%s reads %q, %v; want %q", out.String(), back, err, harm)
	}
}

func FuzzString(f *testing.F) {
	f.Add("\x1b[31m\u009b")
	f.Fuzz(func(t *testing.T, s string) {
		got := String(s)
		for _, r := range got {
			if unicode.IsControl(r) && r != '\n' && r != '\t' {
				t.Errorf("%q becomes %q", s, got)
			}
		}
		if String(got) != got {
			t.Errorf("%q becomes %q, and another a second time", s, got)
		}
	})
}
