//go:build unix

// Package private makes folders that nobody else can write to, and cleans up after runs that were killed.
//
// What is in such a folder is built, linked and run. In a place that others can guess and write to, such as the system's
// folder for temporary files, they could put their own files there first.
package private

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// ErrNoCache is wrapped by Cache's error when there is no place for a cache that only this user can write to.
var ErrNoCache = errors.New("there is no private folder for a cache")

// Cache makes the folder stability/name below os.UserCacheDir and returns it. The two belong to this user, and nobody
// else can read or write them. With neither HOME nor XDG_CACHE_HOME set, or if somebody else owns them, it fails, and
// the caller has to do without a cache.
func Cache(name string) (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("private: %w: %w", ErrNoCache, err)
	}
	top := filepath.Join(base, "stability")
	dir := filepath.Join(top, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("private: %w: %w", ErrNoCache, err)
	}
	for _, d := range []string{top, dir} {
		if err := Own(d); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// Own sees to it that a folder belongs to this user and to nobody else: no symbolic link, this user's, mode 0700.
func Own(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("private: %w: %w", ErrNoCache, err)
	}
	if !info.IsDir() || !ours(info) {
		return fmt.Errorf("private: %w: %s is not a folder of this user's", ErrNoCache, dir)
	}
	if info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("private: %w: %w", ErrNoCache, err)
	}
	return nil
}

func ours(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

// Prune removes the entries of a folder that have not been touched for longer than age, and of the others all but the
// newest. What cannot be removed stays.
func Prune(dir string, age time.Duration, newest int) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	type entry struct {
		name    string
		touched time.Time
	}
	var all []entry
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			all = append(all, entry{e.Name(), info.ModTime()})
		}
	}
	slices.SortFunc(all, func(a, b entry) int { return b.touched.Compare(a.touched) })
	for i, e := range all {
		if i >= newest || time.Since(e.touched) > age {
			_ = os.RemoveAll(filepath.Join(dir, e.name)) // another one may be at it
		}
	}
}
