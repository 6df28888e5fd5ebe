package evidence

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

const (
	childDir      = "STABILITY_EVIDENCE_TEST_DIR"
	childCaptures = "STABILITY_EVIDENCE_TEST_CAPTURES"
)

// TestMain lets the test binary be the process that is killed while it captures.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if n, err := strconv.Atoi(os.Getenv(childCaptures)); err == nil {
			captureBeside(dir, n)
		}
		captureForever(dir)
	}
	os.Exit(m.Run())
}

// captureBeside captures large bundles beside other processes until so many are done, and exits.
func captureBeside(dir string, n int) {
	large := kindFunc{"large", func(_ context.Context, d *Draft) error {
		w := d.Create("large.bin")
		for range 60 {
			if _, err := w.Write(make([]byte, 10<<10)); err != nil {
				return err
			}
		}
		return nil
	}}
	for n > 0 {
		// Anew each time: what opening cleans up must be no draft of others.
		c, err := Open(Config{Dir: dir, MaxBytes: minBytes, Cooldown: -1, Spacing: -1, HighWaterReset: -1, Kinds: []Kind{large}})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		switch _, err := c.Capture(context.Background(), Request{Key: fmt.Sprint("key", n%5), Level: float64(n)}); {
		case err == nil:
			n--
		case !errors.Is(err, ErrBusy):
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(0)
}

// captureForever captures small bundles and prints a byte at every step, so that the parent can kill it at any of them.
func captureForever(dir string) {
	step := func() { os.Stdout.Write([]byte{'.'}) }
	kind := kindFunc{"steps", func(_ context.Context, d *Draft) error {
		for i := range 4 {
			w := d.Create(fmt.Sprintf("part%d.bin", i))
			step()
			w.Write(make([]byte, 20<<10))
			step()
		}
		return nil
	}}
	c, err := Open(Config{Dir: dir, MaxBundles: 3, Cooldown: -1, Spacing: -1, HighWaterReset: -1, Kinds: []Kind{kind}})
	for i := 0; err == nil; i++ {
		_, err = c.Capture(context.Background(), Request{Key: fmt.Sprint("key", i), Documents: documents(map[string]any{"contract": i})})
		step()
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// TestKilledInTheMiddle kills a process again and again while it captures and prunes. Every bundle that is listed
// afterwards is whole, and the next Open removes what was not.
func TestKilledInTheMiddle(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(1, 2))
	listed, wrecks := 0, 0
	for range 25 {
		killAfter(t, self, dir, 1+random.IntN(60))
		bundles, err := List(dir)
		if err != nil {
			t.Fatalf("after a kill: %v", err)
		}
		for _, b := range bundles {
			if _, err := Read(b.Path); err != nil {
				t.Fatalf("after a kill: %v", err)
			}
			if len(b.Files) != 5 || len(b.Skipped) != 0 {
				t.Fatalf("after a kill %s has %d files, want 5; skipped %v", b.Path, len(b.Files), b.Skipped)
			}
		}
		listed += len(bundles)
		drafts, _ := filepath.Glob(filepath.Join(dir, draftPrefix+"*"))
		wrecks += len(drafts)
		if len(drafts) > 1 {
			t.Fatalf("drafts pile up: %v", drafts)
		}
	}
	if listed == 0 || wrecks == 0 {
		t.Fatalf("saw %d bundles and %d wrecks: the kills never came in the middle, so this has shown nothing", listed, wrecks)
	}
	open(t, Config{Dir: dir})
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != len(list(t, dir)) {
		t.Errorf("%d entries for %d bundles, %v", len(entries), len(list(t, dir)), err)
	}
	t.Logf("%d bundles read whole, %d wrecks cleaned up", listed, wrecks)
}

// killAfter runs the child in dir and kills it, with SIGKILL, after so many steps.
func killAfter(t *testing.T, self, dir string, steps int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, self)
	child.Env = append(os.Environ(), childDir+"="+dir)
	child.Stderr = io.Discard
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).Discard(steps); err != nil {
		t.Errorf("the child ended by itself: %v", err)
	}
	child.Process.Kill()
	var exit *exec.ExitError
	if err := child.Wait(); !errors.As(err, &exit) {
		t.Errorf("the child was not killed: %v", err)
	}
}
