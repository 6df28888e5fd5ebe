//go:build darwin || freebsd || linux

package evidence

import (
	"os"
	"syscall"
)

// freeBytes returns what the disk still has for us, and false when it cannot be told.
func freeBytes(root *os.Root) (int64, bool) {
	f, err := root.Open(".")
	if err != nil {
		return 0, false
	}
	defer f.Close()
	var stat syscall.Statfs_t
	if syscall.Fstatfs(int(f.Fd()), &stat) != nil {
		return 0, false
	}
	return int64(stat.Bavail) * int64(stat.Bsize), true
}
