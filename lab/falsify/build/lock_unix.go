//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package build

import (
	"os"
	"syscall"
)

// lockFile waits for the lock, which ends with the file or the process.
func lockFile(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX) }
