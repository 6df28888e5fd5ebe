package stabilitytest

import (
	"bytes"
	"os/exec"
	"runtime/pprof"
	"testing"
)

// TestWithTheLeakProfile: what is found without the profile is found in a build that has it. It proves who is blocked for good, and
// says nothing of those that run on, so a check that asked nothing else once called them clean.
func TestWithTheLeakProfile(t *testing.T) {
	if pprof.Lookup(leakProfile) != nil {
		t.Log("seen with the profile")
		return
	}
	cmd := exec.Command("go", "test", "-count=1", "-v", "-run=^(TestWithTheLeakProfile|TestNoLeaks|TestNoLeaksTellsTestsApart|TestControlIsSeen|TestVerifyTestMain)$", ".")
	cmd.Env = append(cmd.Environ(), "GOEXPERIMENT=goroutineleakprofile")
	if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("seen with the profile")) {
		t.Errorf("in a build with the profile: %v\n%s", err, out)
	}
}
