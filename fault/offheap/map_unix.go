//go:build unix

package offheap

import "syscall"

const supported = true

func mapChunk(size int) ([]byte, error) {
	return syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
}

func unmap(c []byte) error { return syscall.Munmap(c) }
