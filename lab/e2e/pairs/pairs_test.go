//go:build e2e

package pairs

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// pairs are libraries that had a bug, each in the last version with it (broken.mod) and the first without (go.mod).
var pairs = []struct{ name, fires string }{
	{"mysql", "orders/errors"},
	{"gin", "lostdeadline/unbounded"},
	{"puddle", "connections/over"},
	{"healthgo", "probes/leak"},
}

// The contract fires on the first of each pair and stays silent on the second.
func TestPairs(t *testing.T) {
	for _, p := range pairs {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join("testdata", p.name)
			if got, want := try(t, dir, "broken.mod"), "fired: "+p.fires; got != want {
				t.Errorf("on the broken version: %q, want %q", got, want)
			}
			if got, want := try(t, dir, "go.mod"), "silent"; got != want {
				t.Errorf("on the mended version: %q, want %q", got, want)
			}
		})
	}
}

// try builds the program with the versions of a go.mod and returns what it says. That a module cannot be fetched is the
// only reason to skip.
func try(t *testing.T, dir, modfile string) string {
	t.Helper()
	if _, err := run(t, dir, 3*time.Minute, "go", "mod", "download", "-modfile="+modfile); err != nil {
		t.Skipf("NOT RUN: fetching the modules of %s/%s: %v", dir, modfile, err)
	}
	program := filepath.Join(t.TempDir(), "program")
	if _, err := run(t, dir, 3*time.Minute, "go", "build", "-modfile="+modfile, "-o", program, "."); err != nil {
		t.Fatal(err)
	}
	out, err := run(t, dir, time.Minute, program)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// failure is a command that failed, with what it said.
type failure struct {
	err    error
	stderr string
}

func (f failure) Error() string { return f.err.Error() + "\n" + f.stderr }

func run(t *testing.T, dir string, limit time.Duration, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	// Each is a module of its own, whose versions the workspace must not raise.
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", failure{err, stderr.String()}
	}
	return string(bytes.TrimSpace(out)), nil
}
