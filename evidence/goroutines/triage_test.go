package goroutines

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
)

// at writes n goroutines as debug=2 does, that wait in a function called by main.work.
func at(n int, state, function string) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "goroutine %d [%s]:\n", i+1, state)
		if function != "" {
			fmt.Fprintf(&text, "%s(0x1)\n\t/go/src/x.go:7 +0x1d\n", function)
		}
		text.WriteString("main.work(0x1)\n\t/src/work.go:5 +0x1d\ncreated by main.start in goroutine 1\n\t/src/start.go:9 +0x2a\n\n")
	}
	return text.String()
}

func parsed(t *testing.T, text string) *Dump {
	t.Helper()
	d, err := Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The likely cause follows from the library's function, or else from the state with its age and number.
func TestLikely(t *testing.T) {
	for _, test := range []struct {
		n                     int
		state, function, want string
	}{
		{1, "select", "database/sql.(*DB).conn", "poolexhaustion"},
		{1, "select", "net/http.(*persistConn).roundTrip", "lostdeadline"},
		{1, "select", "google.golang.org/grpc.(*clientStream).RecvMsg", "lostdeadline"},
		{1, "chan receive", "", ""},
		{many, "chan receive", "", "goroutineleak"},
		{1, "chan receive, 3 minutes", "", "channelblock"},
		{1, "chan send (nil chan)", "", "goroutineleak"},
		{1, "chan receive (leaked)", "", "goroutineleak"},
		{many, "sync.Mutex.Lock", "sync.(*Mutex).Lock", "lockconvoy"},
		{2, "sync.Mutex.Lock, 2 minutes", "sync.(*Mutex).Lock", "deadlock"},
		{2, "sync.WaitGroup.Wait, 2 minutes", "sync.(*WaitGroup).Wait", "channelblock"},
		{many, "running", "", ""},
	} {
		groups := Compare(nil, parsed(t, at(test.n, test.state, test.function))).Groups
		if len(groups) != 1 || groups[0].Cause != test.want || (groups[0].Likely == "") != (test.want == "") {
			t.Errorf("%d × %s in %q: %+v, want %q", test.n, test.state, test.function, groups, test.want)
		}
		if g := groups[0]; (g.LikelyZH == "") != (g.Likely == "") {
			t.Errorf("%q is told in one language only: %q", g.Likely, g.LikelyZH)
		}
	}
}

// Whatever is likely is said in both languages.
func TestLikelyInBothLanguages(t *testing.T) {
	for _, h := range hints {
		if h.english == "" || !strings.ContainsFunc(h.chinese, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("%s: %q, %q", h.function, h.english, h.chinese)
		}
	}
}

// A group is told to grow by what was there before, and one that is new by all of it.
func TestCompare(t *testing.T) {
	now := Compare(parsed(t, at(30, "chan receive", "")), parsed(t, at(33, "chan receive, 4 minutes", "")+at(2, "select", "")))
	if now.Total != 35 || now.Before != 30 || len(now.Groups) != 2 || now.Groups[0].Growth != 3 || now.Groups[1].Growth != 2 || now.Groups[0].Wait != 4*time.Minute || len(now.Suspects()) != 2 {
		t.Errorf("compared: %+v", now)
	}
	if alone := Compare(nil, parsed(t, at(3, "select", ""))); alone.Compared || alone.Groups[0].Growth != 0 || len(alone.Suspects()) != 0 {
		t.Errorf("alone: %+v", alone)
	}
}

// A dump that does not tell who started goroutines, as a profile does not, can be compared with one that does.
func TestCompareOfTwoForms(t *testing.T) {
	stacks := parsed(t, at(30, "chan receive", ""))
	profile := parsed(t, strings.ReplaceAll(at(33, "chan receive", ""), "created by main.start in goroutine 1\n\t/src/start.go:9 +0x2a\n", ""))
	if grown := Compare(stacks, profile); len(grown.Groups) != 1 || grown.Groups[0].Growth != 3 {
		t.Errorf("a profile after stacks: %+v", grown)
	}
	if shrunk := Compare(profile, stacks); len(shrunk.Groups) != 1 || shrunk.Groups[0].Growth != -3 {
		t.Errorf("stacks after a profile: %+v", shrunk)
	}
}

// Source is shown with what is around it, of files that are Go and nothing else, whatever a dump says.
func TestReadSource(t *testing.T) {
	dir := t.TempDir()
	text := "one\ntwo\nthree\n\tfour()\nfive\nsix\nseven\neight\n"
	for _, name := range []string{"a.go", "secret.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.go"), 0o700); err != nil {
		t.Fatal(err)
	}
	frame := func(file string, line int) Group {
		return Group{where: Frame{Func: "main.f", File: file, Line: line}}
	}
	tr := Triage{Groups: []Group{frame(filepath.Join(dir, "a.go"), 4), frame(filepath.Join(dir, "a.go"), 1), frame(filepath.Join(dir, "a.go"), 99),
		frame(filepath.Join(dir, "secret.txt"), 4), frame(filepath.Join(dir, "folder.go"), 4), frame("a.go", 4), frame(filepath.Join(dir, "none.go"), 4)}}
	tr.ReadSource()
	if g := tr.Groups[0]; g.Source != "four()" || len(g.Context) != 7 || g.Context[3] != (Line{4, "\tfour()", true}) || g.Context[0].Number != 1 {
		t.Errorf("the first is %+v", g)
	}
	if g := tr.Groups[1]; g.Source != "one" || len(g.Context) != 4 {
		t.Errorf("the first line is %+v", g)
	}
	for _, g := range tr.Groups[2:] {
		if g.Source != "" || len(g.Context) != 0 {
			t.Errorf("%+v is shown", g)
		}
	}
}
