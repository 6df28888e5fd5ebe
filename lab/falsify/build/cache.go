package build

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// cacheAge is how long a service's last binary is kept after it was last used: each is tens of megabytes.
const cacheAge = 30 * 24 * time.Hour

// cacheHome is the folder of all binaries. Without a home, as in containers, it is one of this user's own among the
// temporary files.
func cacheHome() (string, error) {
	if base, err := os.UserCacheDir(); err == nil {
		home := filepath.Join(base, "stability", "falsify")
		if os.MkdirAll(home, 0o700) == nil {
			return home, nil
		}
	}
	home := filepath.Join(os.TempDir(), fmt.Sprintf("stability-falsify-cache-%d", os.Getuid()))
	if err := os.MkdirAll(home, 0o700); err != nil {
		return "", fmt.Errorf("build: a folder for the built service: %w", err)
	}
	// Among the temporary files anybody may have made it first, and what is in it gets run.
	if info, err := os.Lstat(home); err != nil || !info.IsDir() || info.Mode().Perm()&0o077 != 0 || !ours(info) {
		return "", fmt.Errorf("build: %s is not this user's alone; remove it, or set HOME or XDG_CACHE_HOME", home)
	}
	return home, nil
}

// openCache returns the directory that keeps the service's last binary, locked against another falsify.
func openCache(dir string) (path string, unlock func(), err error) {
	home, err := cacheHome()
	if err != nil {
		return "", nil, err
	}
	prune(home, time.Now().Add(-cacheAge))
	path = filepath.Join(home, fmt.Sprintf("%x", sha256.Sum256([]byte(dir)))[:16])
	if err := os.MkdirAll(path, 0o700); err != nil {
		return "", nil, fmt.Errorf("build: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", nil, fmt.Errorf("build: %w", err)
	}
	if err := lockFile(lock); err != nil {
		lock.Close()
		return "", nil, fmt.Errorf("build: locking %s: %w", path, err)
	}
	now := time.Now()
	_ = os.Chtimes(lock.Name(), now, now) // it is only pruned a little early
	return path, func() { lock.Close() }, nil
}

// environment is that of the go command. Without a home it refuses to work unless it is told where its own caches are.
func environment() []string {
	env := os.Environ()
	if _, err := os.UserHomeDir(); err == nil {
		return env
	}
	home, err := cacheHome()
	if err != nil {
		return env // openCache says why
	}
	if _, err := os.UserCacheDir(); err != nil && os.Getenv("GOCACHE") == "" {
		env = append(env, "GOCACHE="+filepath.Join(home, "go-build"))
	}
	if os.Getenv("GOPATH") == "" {
		env = append(env, "GOPATH="+filepath.Join(home, "go"))
	}
	return env
}

// lockName is the file whose time says when the binary beside it was last used.
const lockName = "lock"

// prune removes the binaries that were not used since. Whatever cannot be removed stays; a falsify that is just beginning with
// one builds it anew.
func prune(home string, since time.Time) {
	entries, err := os.ReadDir(home)
	if err != nil {
		return
	}
	for _, e := range entries {
		path := filepath.Join(home, e.Name())
		if info, err := os.Lstat(filepath.Join(path, lockName)); err == nil && info.ModTime().Before(since) {
			_ = os.RemoveAll(path)
		}
	}
}
