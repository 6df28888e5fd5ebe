//go:build linux || darwin

package falsify

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/falsifiable/stability"
)

// A check on a gauge of the service's own is proven by the fault that the service has declared, its sensor included. That the
// service cannot run twice at a time is found out, and said.
func TestOwnFaultAndOneLane(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "falsify.yaml")
	if err := os.WriteFile(file, []byte("env: {LOCK: "+filepath.Join(dir, "lock")+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := try(t, "testdata/owngauge", 2, func(c *Config) { c.Experiment = file })
	if err != nil {
		t.Fatal(err)
	}
	c := r.Check("queue/depth")
	if c.Verdict != stability.Proven || c.Fault != "fillqueue" || len(c.Trial.Spoken) > 0 {
		t.Errorf("%s by %s, %+v: %s", c.Verdict, c.Fault, c.Trial, c.Reason)
	}
	notes := strings.Join(r.Notes, "\n")
	if r.Lanes != 1 || !strings.Contains(notes, "one run at a time") || !strings.Contains(notes, "the data is in use by another process") {
		t.Errorf("%d lanes:\n%s", r.Lanes, notes)
	}
}
