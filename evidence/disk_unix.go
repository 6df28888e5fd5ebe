//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package evidence

import (
	"cmp"
	"os"
	"syscall"
)

// lock takes an exclusive lock on an open directory, or fails at once. It ends with the file or the process, however
// that dies.
func lock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

// syncDir puts the directory's entries on disk.
func syncDir(root *os.Root) error {
	f, err := root.Open(".")
	if err != nil {
		return err
	}
	return cmp.Or(f.Sync(), f.Close())
}
