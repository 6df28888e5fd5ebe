//go:build unix

package cgroup

import "syscall"

// pread reads a file from its beginning. The bookkeeping of os.File would cost as much as the kernel's part does.
func pread(fd int, buf []byte) (int, error) {
	for {
		n, err := syscall.Pread(fd, buf, 0)
		if err != syscall.EINTR {
			return max(n, 0), err
		}
	}
}
