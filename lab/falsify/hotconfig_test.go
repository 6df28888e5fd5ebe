//go:build e2e

package falsify

import (
	"os"
	"testing"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/lab/falsify/stats"
)

// A configuration that is valid and does harm is gone within 10 s, and none goes back while only the load changes, though the service's
// configuration is replaced every second.
func TestHarmGoesBackInTime(t *testing.T) {
	r, err := tryBy(t, returns(), "testdata/rollback", func(c *Config) { c.Scale = 1.0 / 5 })
	if err != nil {
		t.Fatal(err)
	}
	c := r.Check("rollback/returned")
	if c == nil || c.Verdict != stability.Proven {
		t.Fatalf("%+v", c)
	}
	t.Logf("%d of %d harmful configurations went back in time; there were returns in %d of %d control runs", c.Target().Hits, c.Target().Trials, c.Controls.Events, c.Controls.Trials)
}

// returns is the tier that harmful configurations are tried by: a few of them or, if FALSIFY_RETURNS is set, the 18 in a row and the 59
// control runs that the guide has figures of.
func returns() tier {
	if os.Getenv("FALSIFY_RETURNS") == "" {
		return few(3)
	}
	all := few(stats.CleanRuns(0, 0.05, confidence))
	all.test, all.trials, all.observe = stats.Nightly, 40, 2*time.Minute
	return all
}

// A disk that does not answer is told of.
func TestSlowDiskIsNoticed(t *testing.T) {
	r, err := try(t, "testdata/slowdisk", 0, func(c *Config) { c.Only = "badreload/failing" })
	if err != nil {
		t.Fatal(err)
	}
	if cell := r.Check("badreload/failing").Target(); cell == nil || cell.Hits == 0 || cell.Hits != cell.Trials { // a run that was too noisy is no trial
		t.Errorf("%+v", cell)
	}
}

// Each way to swap a file reaches the service, also when the kernel has no room for the event and nobody polls, and none of them is
// taken for a torn file, which half a file is.
func TestSwapsAreChangesAndNoTears(t *testing.T) {
	r, err := try(t, "testdata/fileswap", 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"seldom/renamed", "seldom/linked", "seldom/overflowed", "torncfg/torn"} {
		if c := r.Check(name); c == nil || c.Verdict != stability.Proven {
			t.Errorf("%s: %+v", name, c)
		}
	}
}
