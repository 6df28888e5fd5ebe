package evidence

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// mountSmall mounts a tmpfs of that many bytes.
func mountSmall(t *testing.T, bytes string) string {
	t.Helper()
	dir := t.TempDir()
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=0700,size="+bytes)
	if errors.Is(err, syscall.EPERM) {
		t.Skip("NOT TESTED HERE: a full disk. Mounting a small tmpfs needs root.")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmounting: %v", err)
		}
	})
	return dir
}

// fill writes a file until the disk is full, as another process might at any moment.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	for _, size := range []int{1 << 20, 4 << 10} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("filling the disk: %v", err)
	}
}

// TestFullDisk: the disk fills up in the middle of a capture. Then the bundle is there without what did not fit, or not
// at all.
func TestFullDisk(t *testing.T) {
	t.Run("before the manifest", func(t *testing.T) {
		dir := mountSmall(t, "16m")
		c := open(t, Config{Dir: dir, Kinds: []Kind{kindFunc{"disk", func(context.Context, *Draft) error {
			fill(t, filepath.Join(dir, "other"))
			return nil
		}}}})
		_, err := c.Capture(t.Context(), Request{Key: "a", Documents: documents(map[string]any{"contract": 1})})
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("Capture: %v, want ENOSPC", err)
		}
		if s := c.Stats(); s.Failed != 1 {
			t.Errorf("stats %+v, want one failure", s)
		}
		entries, _ := os.ReadDir(dir)
		if len(list(t, dir)) != 0 || len(entries) != 1 {
			t.Errorf("left are %v, want the other's file only", entries)
		}
	})
	t.Run("in the middle of a kind", func(t *testing.T) {
		dir := mountSmall(t, "16m")
		c := open(t, Config{Dir: dir, Kinds: []Kind{
			filler("before", 100<<10),
			kindFunc{"victim", func(_ context.Context, d *Draft) error {
				w := d.Create("victim.bin")
				if _, err := w.Write(make([]byte, 300<<10)); err != nil {
					t.Error(err)
				}
				fill(t, filepath.Join(dir, "other"))
				_, err := w.Write(make([]byte, 8<<10))
				return err
			}},
		}})
		b := capture(t, c, Request{Key: "a", Documents: documents(map[string]any{"contract": 1})})
		if _, err := Read(b.Path); err != nil {
			t.Error(err)
		}
		if len(b.Files) != 2 || len(b.Skipped) != 1 || !strings.Contains(b.Skipped[0].Why, "no space left") {
			t.Errorf("files %v, skipped %v; want the victim missing for lack of space", b.Files, b.Skipped)
		}
	})
	t.Run("nearly full beforehand", func(t *testing.T) {
		c := open(t, Config{Dir: mountSmall(t, "4m")})
		if _, err := c.Capture(t.Context(), Request{Key: "a"}); !errors.Is(err, ErrQuota) {
			t.Errorf("Capture: %v, want ErrQuota: a tenth of 4 MiB is no room", err)
		}
	})
}
