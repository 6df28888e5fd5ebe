//go:build unix

package evidence

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// owned is what a file system says of a directory.
type owned struct {
	mode     fs.FileMode
	uid, gid uint32
}

func (o owned) Name() string       { return "dir" }
func (o owned) Size() int64        { return 0 }
func (o owned) Mode() fs.FileMode  { return fs.ModeDir | o.mode }
func (o owned) ModTime() time.Time { return time.Time{} }
func (o owned) IsDir() bool        { return true }
func (o owned) Sys() any           { return &syscall.Stat_t{Uid: o.uid, Gid: o.gid} }

func TestWhoseDirectory(t *testing.T) {
	me, group := uint32(os.Geteuid()), uint32(os.Getegid())
	stranger := me + 4711
	for _, test := range []struct {
		dir  owned
		want string // in the error; "" for none
	}{
		{owned{0o700, me, group}, ""},
		{owned{0o755, me, stranger}, ""},
		{owned{0o775, me, group}, ""},
		{owned{0o700, 0, 0}, ""},
		{owned{0o777 | fs.ModeSticky, 0, 0}, ""}, // such as /tmp
		{owned{0o700, stranger, group}, "belongs to user"},
		{owned{0o777 | fs.ModeSticky, stranger, group}, "belongs to user"},
		{owned{0o777, me, group}, "everybody may write"},
		{owned{0o777, 0, 0}, "everybody may write"},
		{owned{0o775, me, stranger}, "may write into"},
	} {
		err := ours(test.dir)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v of user %d, group %d: %v; want %q", test.dir.mode, test.dir.uid, test.dir.gid, err, test.want)
		}
	}
}

// TestForeignDirectory: evidence never goes where others may move it, also when they come later.
func TestForeignDirectory(t *testing.T) {
	dir := t.TempDir()
	c := open(t, Config{Dir: dir, Kinds: []Kind{filler("k", 10)}})
	capture(t, c, Request{Key: "before"})
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Capture(t.Context(), Request{Key: "after"}); err == nil || !strings.Contains(err.Error(), "everybody may write") {
		t.Errorf("a capture: %v, want a refusal", err)
	}
	if _, err := Open(Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "name a directory in it") {
		t.Errorf("Open: %v, want a refusal that says how to mend it", err)
	}
	if _, err := Open(Config{Dir: filepath.Join(dir, "in it")}); err != nil {
		t.Errorf("a directory in it: %v", err)
	}
}

// TestPrivateDir: whatever somebody has put at the name, and whoever calls, the directory is the caller's own.
func TestPrivateDir(t *testing.T) {
	for name, plant := range map[string]func(path string) error{
		"nothing":      func(string) error { return nil },
		"a file":       func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"a link":       func(path string) error { return os.Symlink(os.TempDir(), path) },
		"a wide one":   func(path string) error { return errors.Join(os.Mkdir(path, 0o700), os.Chmod(path, 0o777)) },
		"a stranger's": func(path string) error { return errors.Join(os.Mkdir(path, 0o777), os.Chown(path, 4711, 4711)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			path := filepath.Join(os.TempDir(), "stability-evidence-x")
			if err := plant(path); errors.Is(err, fs.ErrPermission) {
				t.Skip("NOT TESTED HERE: a stranger's directory. Giving one away needs root.")
			} else if err != nil {
				t.Fatal(err)
			}
			dir, err := PrivateDir("stability-evidence-x")
			if err != nil {
				t.Fatal(err)
			}
			info, err := os.Lstat(dir)
			if err != nil || info.Mode() != fs.ModeDir|0o700 || int(info.Sys().(*syscall.Stat_t).Uid) != os.Geteuid() {
				t.Errorf("%s: %v, %v; want one of our own, 0700", dir, info.Mode(), err)
			}
			if kept := dir == path; kept != (name == "nothing" || name == "a wide one") {
				t.Errorf("the directory is %s", dir)
			}
			if again, err := PrivateDir("stability-evidence-x"); again != dir || err != nil {
				t.Errorf("a second time it is %s, %v", again, err)
			}
		})
	}
}
