package falsify

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// What a falsify that was killed has left is gone when the next one begins; what another one uses is not.
func TestCleanUpAfterAKilledFalsify(t *testing.T) {
	parent := shortTemp(t)
	t.Setenv("TMPDIR", parent)
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	dead := filepath.Join(parent, fmt.Sprintf("falsify-%d-1", gone.Process.Pid))
	living := filepath.Join(parent, fmt.Sprintf("falsify-%d-1", os.Getpid()))
	foreign := filepath.Join(parent, "falsify-report")
	for _, dir := range []string{dead, living, foreign} {
		if err := os.MkdirAll(filepath.Join(dir, "run-1"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	// A child that a service has left behind: only its temporary directory tells that a falsify has started it.
	orphan := exec.Command("sleep", "600")
	orphan.Env = append(os.Environ(), "TMPDIR="+filepath.Join(dead, "run-1"))
	if err := orphan.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- orphan.Wait() }()
	dir, err := makeWorkDir()
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		_ = orphan.Process.Kill()
		t.Error("the orphan still runs")
	}
	for path, want := range map[string]bool{dead: false, living: true, foreign: true, dir: true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s is there: %t, want %t", path, err == nil, want)
		}
	}
}
