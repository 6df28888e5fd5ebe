package schedule_test

import (
	"testing"

	"github.com/falsifiable/stability/lab/schedule"
)

// TestFlaky: a test that fails in some of the plain runs is failed, and one that first fails under a schedule does not look green.
func TestFlaky(t *testing.T) {
	dir := module(t, map[string]string{"flaky_test.go": `package flaky

import (
	"os"
	"testing"
)

// runs counts the runs of a test in a file.
func runs(t *testing.T) int {
	f, err := os.OpenFile(t.Name(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.WriteString("x")
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return int(info.Size())
}

func TestPlain(t *testing.T) {
	if n := runs(t); n == 1 || n == 3 {
		t.Error("wrong result")
	}
}

func TestLater(t *testing.T) {
	if runs(t) == 5 {
		t.Error("wrong result")
	}
}
`})
	r, err := schedule.Run(t.Context(), schedule.Config{Dir: dir, Runs: 3, Replays: -1})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]schedule.Finding{}
	for _, f := range r.Findings {
		found[testOf(f)] = f
	}
	if f := found["TestPlain"]; f.Level != schedule.Failed || f.SeenPlain != 2 || f.PlainRuns != 3 {
		t.Errorf("%v, seen in %d of %d plain runs; want it failed in 2 of 3", f.Level, f.SeenPlain, f.PlainRuns)
	}
	if f := found["TestLater"]; f.Level != schedule.Suspect || f.Seen != 1 {
		t.Errorf("%v, seen in %d runs; want a suspect that was seen once", f.Level, f.Seen)
	}
	if len(r.Findings) != 2 {
		t.Errorf("%d findings, want 2: %+v", len(r.Findings), r.Findings)
	}
}
