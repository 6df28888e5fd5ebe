//go:build e2e

package schedules

import (
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/falsifiable/stability/lab/schedule"
)

var pairs = []struct {
	name   string
	race   bool // needs the race detector
	levels []schedule.Level
}{
	{"lru", false, []schedule.Level{schedule.ProvenLeak, schedule.Deadlock}},
	{"semaphore", false, []schedule.Level{schedule.ProvenLeak}},
	{"singleflight", false, []schedule.Level{schedule.ProvenLeak}},
	{"clock", true, []schedule.Level{schedule.Race, schedule.ProvenLeak}},
	{"clockafter", true, []schedule.Level{schedule.Race}},
	{"clockwork", false, []schedule.Level{schedule.ProvenLeak}},
	{"freecache", true, []schedule.Level{schedule.Race}},
	{"ttlcache", true, []schedule.Level{schedule.Race, schedule.ProvenLeak}},
}

// TestPairs: the first of each pair has a finding at a level that fits its bug, the second has none.
func TestPairs(t *testing.T) {
	t.Setenv("GOWORK", "off")
	t.Setenv("GOFLAGS", "-mod=readonly")
	for _, p := range pairs {
		t.Run(p.name, func(t *testing.T) {
			c := schedule.Config{Dir: filepath.Join("testdata", p.name), Race: p.race, Replays: -1, Timeout: 30 * time.Second}
			fetch(t, c.Dir, "go.mod")
			fetch(t, c.Dir, "broken.mod")
			r, err := schedule.Run(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range r.Findings {
				t.Errorf("on the mended version: %v %v %q", f.Level, f.Tests, f.Text)
			}
			// Some bugs show on one schedule of ten, and on a busy machine on fewer.
			c.Runs, c.First, c.BuildFlags = 40, true, []string{"-modfile=broken.mod"}
			if r, err = schedule.Run(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(r.Findings, func(f schedule.Finding) bool { return slices.Contains(p.levels, f.Level) }) {
				t.Errorf("on the broken version: %+v, want one of %v", r.Findings, p.levels)
			}
		})
	}
}

// fetch downloads the modules of a go.mod. That they cannot be fetched is the only reason to skip.
func fetch(t *testing.T, dir, modfile string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "mod", "download", "-modfile="+modfile)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("NOT RUN: fetching the modules of %s/%s: %v\n%s", dir, modfile, err, out)
	}
}
