package schedule_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/falsifiable/stability/lab/schedule"
)

// TestCauses tries stability test on a small program for each cause that a schedule can bring out. The broken one must
// be found, at the level that the program's comment names, though go test passes on it; the mended one must be silent.
func TestCauses(t *testing.T) {
	programs, err := filepath.Glob(filepath.Join("testdata", "cause", "*.txtar"))
	if err != nil || len(programs) < 4 {
		t.Fatalf("%d programs, %v; want one for each of four causes at least", len(programs), err)
	}
	for _, path := range programs {
		a, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		wants := wantsOf(string(a.Comment))
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			broken, mended := causeModule(t, a, "broken_test.go"), causeModule(t, a, "mended_test.go")
			c := schedule.Config{Replays: -1, Runs: 24}
			expectLevel(t, c, broken, wants["level"])
			expectLevel(t, c, mended, "")
			if wants["plain"] == "silent" {
				expectLevel(t, schedule.Config{Replays: -1, Replay: "mode=off,procs=1,seed=1"}, broken, "")
			}
			if wants["race"] != "" && !testing.Short() { // builds the standard library with the race detector
				c.Race = true
				expectLevel(t, c, broken, wants["race"])
				expectLevel(t, c, mended, "")
			}
		})
	}
}

// wantsOf reads the lines "key: value" of a comment.
func wantsOf(comment string) map[string]string {
	wants := map[string]string{}
	for line := range strings.Lines(comment) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && !strings.Contains(key, " ") {
			wants[key] = value
		}
	}
	return wants
}

// causeModule lays out a module with one of the archive's programs and returns its folder.
func causeModule(t *testing.T, a *txtar.Archive, program string) string {
	t.Helper()
	for _, f := range a.Files {
		if f.Name == program {
			return module(t, map[string]string{"cause_test.go": string(f.Data)})
		}
	}
	t.Fatalf("there is no %s", program)
	return ""
}

// module lays out a module of these files and returns its folder.
func module(t *testing.T, files map[string]string) string {
	t.Helper()
	t.Setenv("GOWORK", "off")
	t.Setenv("GOFLAGS", "")
	dir := t.TempDir()
	if files["go.mod"] == "" {
		files["go.mod"] = "module example.com/cause\n\ngo 1.26\n"
	}
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// expectLevel runs the tests of a folder and checks that a finding has the level, or that there is none if it is empty.
func expectLevel(t *testing.T, c schedule.Config, dir, level string) {
	t.Helper()
	c.Dir, c.First = dir, level != ""
	r, err := schedule.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	found := ""
	for _, f := range r.Findings {
		found += f.Level.String() + " " + f.Text + "\n"
		if f.Level.String() == level {
			return
		}
	}
	if level != "" || found != "" {
		t.Errorf("race %t: found %q, want %q", c.Race, found, level)
	}
}
