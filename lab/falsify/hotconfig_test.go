//go:build e2e

package falsify

import (
	"testing"

	"github.com/falsifiable/stability"
)

// A configuration that is valid and does harm is gone within 10 s, and none goes back while only the load changes, though the service's
// configuration is replaced every second.
func TestHarmGoesBackInTime(t *testing.T) {
	r, err := try(t, "testdata/rollback", 3, func(c *Config) { c.Scale = 1.0 / 5 })
	if err != nil {
		t.Fatal(err)
	}
	if c := r.Check("rollback/returned"); c == nil || c.Verdict != stability.Proven {
		t.Errorf("%+v", c)
	}
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
