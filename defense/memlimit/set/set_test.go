package set

import (
	"os"
	"os/exec"
	"testing"

	"github.com/falsifiable/stability/defense/memlimit"
)

// By the time that anything of a program runs the limiter has looked. What it makes of a limit is the matter of package memlimit: here
// the process is begun again with one that wins over any container's.
func TestTheImportLooks(t *testing.T) {
	const limit = "GOMEMLIMIT=512MiB"
	if os.Getenv("GOMEMLIMIT") == "512MiB" {
		if d := Limiter.Last(); d.Outcome != memlimit.Explicit || d.Limit != 512<<20 {
			t.Errorf("under %s the decision is %v, %d: %s", limit, d.Outcome, d.Limit, d.Reason())
		}
		return
	}
	again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTheImportLooks$")
	again.Env = append(os.Environ(), limit)
	if out, err := again.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
