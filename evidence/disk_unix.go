//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package evidence

import (
	"cmp"
	"errors"
	"os"
	"syscall"
)

const haveLocks = true

// lockDir locks the directory against other captures, of this process or another, or fails at once with [ErrBusy]. The lock
// ends with the process, however that dies. A file system that has no locks for directories, as NFS, is used without: there
// two processes at once may exceed the quota.
func lockDir(root *os.Root) (unlock func(), err error) {
	f, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		f.Close()
		return nil, ErrBusy
	}
	return func() { f.Close() }, nil
}

// syncDir puts the directory's entries on disk.
func syncDir(root *os.Root) error {
	f, err := root.Open(".")
	if err != nil {
		return err
	}
	return cmp.Or(f.Sync(), f.Close())
}
