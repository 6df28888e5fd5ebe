//go:build unix

package private

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

func TestCacheIsPrivate(t *testing.T) {
	base := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", base)
	t.Setenv("HOME", base)
	dir, err := Cache("x")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil { // as an older umask may have left it
		t.Fatal(err)
	}
	if dir, err = Cache("x"); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v, want mode 0700", info.Mode(), err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(t.TempDir(), dir); err != nil {
		t.Fatal(err)
	}
	if _, err := Cache("x"); !errors.Is(err, ErrNoCache) {
		t.Errorf("a symbolic link in its place: %v, want %v", err, ErrNoCache)
	}
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	if _, err := Cache("x"); !errors.Is(err, ErrNoCache) {
		t.Errorf("no home: %v, want %v", err, ErrNoCache)
	}
}

func TestOthersFoldersAreRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("only root can give a folder away: tried with the folder of the system instead")
		if err := Own("/"); !errors.Is(err, ErrNoCache) {
			t.Errorf("the root folder: %v, want %v", err, ErrNoCache)
		}
		return
	}
	dir := t.TempDir()
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if err := Own(dir); !errors.Is(err, ErrNoCache) {
		t.Errorf("somebody else's folder: %v, want %v", err, ErrNoCache)
	}
}

func TestPrune(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"new", "newer", "old", "ancient"} {
		path := filepath.Join(dir, name)
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-[]time.Duration{time.Hour, time.Minute, 2 * time.Hour, 1000 * time.Hour}[i])
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	Prune(dir, 100*time.Hour, 2)
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 || left[0].Name() != "new" || left[1].Name() != "newer" {
		t.Errorf("left are %v, %v; want new and newer", left, err)
	}
}

// TestCleanDead: what a killed run has left is gone after the next one begins, its processes too. A run that lives is left
// alone.
func TestCleanDead(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	alive, err := MakeTemp("private-test-")
	if err != nil {
		t.Fatal(err)
	}
	defer alive.Close()
	dead, err := MakeTemp("private-test-")
	if err != nil {
		t.Fatal(err)
	}
	var children []*exec.Cmd
	for _, run := range []*Temp{alive, dead} {
		cmd := exec.Command("sleep", "60")
		cmd.Env = append(os.Environ(), run.Env())
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		children = append(children, cmd)
	}
	if err := dead.lock.Close(); err != nil { // as the kernel does with a process that is killed
		t.Fatal(err)
	}
	next, err := MakeTemp("private-test-")
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	if _, err := os.Stat(dead.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the dead run's folder: %v", err)
	}
	if _, err := os.Stat(alive.Dir); err != nil {
		t.Errorf("the live run's folder: %v", err)
	}
	if runtime.GOOS == "linux" {
		if err := children[1].Wait(); err == nil {
			t.Error("the dead run's process ended by itself")
		}
	} else if err := children[1].Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := children[0].Process.Kill(); err != nil {
		t.Errorf("the live run's process is gone: %v", err)
	}
	_ = children[0].Wait() // it was killed
}
