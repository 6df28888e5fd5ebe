package evidence

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// onDisk returns the bytes below a directory.
func onDisk(t testing.TB, dir string) (total int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return total
}

// TestHazard01DumpStormFillsDisk: a thousand violations of a hundred checks in a thousand seconds make few captures, and
// even when every violation is captured the bundles never take more than MaxBytes.
func TestHazard01DumpStormFillsDisk(t *testing.T) {
	t.Run("captures", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c, err := Open(Config{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			for i := range 1000 {
				c.Capture(t.Context(), Request{Key: fmt.Sprint("check", i%100), Level: 1})
				time.Sleep(time.Second) // virtual
			}
			s := c.Stats()
			if s.Captured < 10 || s.Captured > 34 { // one each 30 s
				t.Errorf("%d captures of 1000 violations, want 10 to 34", s.Captured)
			}
			if s.Captured+s.Cooldown+s.HighWater != 1000 {
				t.Errorf("not every refusal was counted: %+v", s)
			}
		})
	})
	t.Run("bytes", func(t *testing.T) {
		c := open(t, Config{MaxBytes: minBytes, MaxBundles: 1000, Kinds: []Kind{filler("a", 300<<10), filler("b", 600<<10)}})
		for i := range 100 {
			b := capture(t, c, Request{Key: fmt.Sprint("check", i%10), Level: float64(i)})
			if _, ok := b.File("b.bin"); ok {
				t.Fatalf("capture %d is larger than its share", i)
			}
			if n := onDisk(t, c.Dir()); n > minBytes {
				t.Fatalf("after %d captures %d bytes, more than %d", i+1, n, minBytes)
			}
		}
	})
}

// TestPeakIsBelowQuota looks while the bundle is being written, when it is largest and nothing old may be left too much.
func TestPeakIsBelowQuota(t *testing.T) {
	dir := t.TempDir()
	peak := int64(0)
	c := open(t, Config{Dir: dir, MaxBytes: minBytes, Kinds: []Kind{filler("a", 700<<10), peakKind(t, dir, &peak)}})
	for i := range 20 {
		capture(t, c, Request{Key: fmt.Sprint(i)})
	}
	if peak > minBytes || peak < minBytes/2 {
		t.Errorf("peak of %d bytes, want at most %d and not much less", peak, minBytes)
	}
}

func TestKeepsNewestAndWorst(t *testing.T) {
	c := open(t, Config{MaxBundles: 4})
	for i, level := range []float64{1, 9, 2, 3, 4, 5, 6} {
		capture(t, c, Request{Key: "a", Level: level, Violation: i})
	}
	capture(t, c, Request{Key: "b", Level: 0.1})
	var levels []float64
	for _, b := range list(t, c.Dir()) {
		levels = append(levels, b.Level)
	}
	if want := []float64{0.1, 6, 5, 9}; !slices.Equal(levels, want) {
		t.Errorf("kept levels %v, want %v", levels, want)
	}
}

// TestNeverDeletesWhatItDidNotWrite: neither other files, nor bundles that were renamed, nor notes laid into a bundle.
func TestNeverDeletesWhatItDidNotWrite(t *testing.T) {
	c := open(t, Config{MaxBundles: 1})
	os.WriteFile(filepath.Join(c.Dir(), "notes.txt"), []byte("mine"), 0o600)
	os.MkdirAll(filepath.Join(c.Dir(), "mine", "deep"), 0o700)
	annotated := capture(t, c, Request{Key: "annotated", Documents: documents(map[string]any{"contract": 1})})
	os.WriteFile(filepath.Join(annotated.Path, "notes.txt"), []byte("mine"), 0o600)
	renamed := capture(t, c, Request{Key: "renamed"})
	kept := filepath.Join(c.Dir(), "keep-this-one")
	if err := os.Rename(renamed.Path, kept); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		capture(t, c, Request{Key: fmt.Sprint(i)})
	}
	open(t, Config{Dir: c.Dir()})
	for _, path := range []string{filepath.Join(c.Dir(), "notes.txt"), filepath.Join(c.Dir(), "mine", "deep"),
		filepath.Join(annotated.Path, "notes.txt"), filepath.Join(kept, manifestName)} {
		if _, err := os.Stat(path); err != nil {
			t.Errorf("it is gone: %v", err)
		}
	}
	if _, err := os.Stat(filepath.Join(annotated.Path, "contract.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("our file is still in the removed bundle: %v", err)
	}
}

func TestOpenCleansUp(t *testing.T) {
	dir := t.TempDir()
	c := open(t, Config{Dir: dir})
	halfway := capture(t, c, Request{Key: "removal cut short", Documents: documents(map[string]any{"contract": 1, "series": 2})})
	os.Rename(filepath.Join(halfway.Path, manifestName), filepath.Join(halfway.Path, removedName))
	os.Remove(filepath.Join(halfway.Path, "contract.json"))
	last := capture(t, c, Request{Key: "all but the name removed"})
	os.Remove(filepath.Join(last.Path, manifestName))
	stranger := filepath.Join(dir, "mine")
	os.Mkdir(stranger, 0o700)
	wreck := filepath.Join(dir, draftPrefix+"00000001")
	os.Mkdir(wreck, 0o700)
	os.WriteFile(filepath.Join(wreck, "heap.pb.gz"), []byte("half"), 0o600)
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	unlock, err := lockDir(root)
	if err != nil {
		t.Fatal(err)
	}
	alive, err := newStaging(root, 1<<20)
	if err != nil {
		t.Fatal(err)
	}

	names := func() (names []string) {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	c = open(t, Config{Dir: dir})
	if !slices.Contains(names(), alive.name) {
		t.Errorf("left are %v, without the draft of a living process, %s", names(), alive.name)
	}
	var refusal *Refusal
	if _, err := c.Capture(t.Context(), Request{Key: "meanwhile"}); !errors.As(err, &refusal) || refusal.Reason != ErrBusy {
		t.Errorf("while another process captures: %v, want ErrBusy", err)
	}
	unlock()
	open(t, Config{Dir: dir})
	if !slices.Equal(names(), []string{"mine"}) {
		t.Errorf("left are %v, want only what is not ours", names())
	}
	capture(t, c, Request{Key: "meanwhile"}) // the refusal did not count
}

// TestProcessesShareADirectory: six of them capture at once. Together they never have more on disk than the quota, no bundle is
// damaged, and none takes another's draft for a wreck.
func TestProcessesShareADirectory(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "shared")
	var children []*exec.Cmd
	for range 6 {
		child := exec.CommandContext(t.Context(), self)
		child.Env = append(os.Environ(), childDir+"="+dir, childCaptures+"=12")
		child.Stderr = os.Stderr
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		children = append(children, child)
	}
	done := make(chan struct{})
	peaks := make(chan int64)
	go func() {
		peak := int64(0)
		for {
			select {
			case <-done:
				peaks <- peak
				return
			default:
				peak = max(peak, roughly(dir))
			}
		}
	}()
	for _, child := range children {
		if err := child.Wait(); err != nil {
			t.Errorf("a child: %v", err)
		}
	}
	close(done)
	if peak := <-peaks; peak > minBytes || peak < minBytes/2 {
		t.Errorf("peak of %d bytes, want at most %d and not much less", peak, minBytes)
	}
	bundles, err := List(dir)
	if err != nil || len(bundles) == 0 {
		t.Errorf("%d bundles, %v", len(bundles), err)
	}
	for _, b := range bundles {
		if _, err := Read(b.Path); err != nil {
			t.Error(err)
		}
	}
}

// roughly adds up what is on disk while others write and remove.
func roughly(dir string) (total int64) {
	filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			if info, err := e.Info(); err == nil {
				total += info.Size()
			}
		}
		return nil
	})
	return total
}

func TestCooldownSurvivesRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		again := func() *Capturer {
			return open(t, Config{Dir: dir, Cooldown: 5 * time.Minute, HighWaterReset: time.Hour})
		}
		capture(t, again(), Request{Key: "a", Level: 3})
		time.Sleep(time.Minute) // virtual
		c := again()
		if _, err := c.Capture(t.Context(), Request{Key: "a", Level: 9}); !errors.Is(err, ErrCooldown) {
			t.Errorf("a minute later in a new process: %v, want ErrCooldown", err)
		}
		time.Sleep(4 * time.Minute)
		capture(t, c, Request{Key: "a", Level: 1}) // the high-water mark is not restored
	})
}

func TestSlug(t *testing.T) {
	for key, want := range map[string]string{
		`pay/pool{pool="a/../b"}`: "pay-pool-pool-a-..-b", "": "", "///": "", "größe": "gr-e",
		strings.Repeat("x", 100): strings.Repeat("x", 64)} {
		if got := slug(key); got != want {
			t.Errorf("slug(%q) = %q, want %q", key, got, want)
		}
	}
}
