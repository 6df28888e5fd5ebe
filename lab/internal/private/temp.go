//go:build unix

package private

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// Variable is the environment variable by which a run's processes are known, whatever has become of their parents.
const Variable = "STABILITY_RUN"

// lockName is the file in a run's folder that is locked for as long as the run lives.
const lockName = "lock"

// orphanAge is how old a folder without a lock must be to count as left behind. A run makes its folder a moment before
// the lock.
const orphanAge = time.Hour

// Temp is a run's folder for temporary files.
type Temp struct {
	Dir  string
	lock *os.File
}

// MakeTemp makes a folder in os.TempDir whose name begins with the prefix. First it cleans up after dead runs, by
// [CleanDead].
func MakeTemp(prefix string) (*Temp, error) {
	CleanDead(prefix)
	dir, err := os.MkdirTemp("", prefix)
	if err != nil {
		return nil, fmt.Errorf("private: making a folder for temporary files: %w", err)
	}
	lock, err := lockFile(filepath.Join(dir, "."+lockName))
	if err == nil {
		err = os.Rename(lock.Name(), filepath.Join(dir, lockName)) // whoever sees it sees it locked
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("private: locking a folder for temporary files: %w", err), os.RemoveAll(dir))
	}
	return &Temp{dir, lock}, nil
}

// Env is what the environment of the run's processes has to have for them to be found.
func (t *Temp) Env() string { return Variable + "=" + t.Dir }

// Close removes the folder.
func (t *Temp) Close() error { return errors.Join(os.RemoveAll(t.Dir), t.lock.Close()) }

func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// CleanDead removes the folders with the prefix that dead runs of this user have left, and ends the processes of those
// runs.
func CleanDead(prefix string) {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*")) // the prefix is no pattern
	for _, dir := range dirs {
		info, err := os.Lstat(dir)
		if err != nil || !info.IsDir() || !ours(info) {
			continue
		}
		path := filepath.Join(dir, lockName)
		if _, err := os.Lstat(path); err != nil {
			if time.Since(info.ModTime()) > orphanAge {
				clean(dir)
			}
			continue
		}
		if lock, err := lockFile(path); err == nil { // nobody holds it
			clean(dir)
			lock.Close()
		}
	}
}

func clean(dir string) {
	for _, pid := range processes(Variable + "=" + dir) {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended by now
	}
	_ = os.RemoveAll(dir) // the next run tries again
}

// processes returns those of this user whose environment has the setting, on systems with a /proc that tells.
func processes(setting string) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil || !bytes.Contains(append([]byte{0}, text...), append(append([]byte{0}, setting...), 0)) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f))); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}
