//go:build unix

package threadleak

import (
	"fmt"
	"syscall"
)

// block is a pipe that nobody writes to until it is freed. It is read by the bare system call, which the runtime's
// poller knows nothing of: so the thread waits, and not the goroutine alone.
type block struct{ read, write int }

func newBlock() (*block, error) {
	var ends [2]int
	if err := syscall.Pipe(ends[:]); err != nil {
		return nil, fmt.Errorf("opening a pipe: %w", err)
	}
	syscall.CloseOnExec(ends[0])
	syscall.CloseOnExec(ends[1])
	return &block{ends[0], ends[1]}, nil
}

func (b *block) wait() {
	var one [1]byte
	for {
		if _, err := syscall.Read(b.read, one[:]); err != syscall.EINTR { // the runtime's signals interrupt it
			return
		}
	}
}

// free lets n threads go. A pipe holds more than that many bytes.
func (b *block) free(n int) {
	bytes := make([]byte, n)
	for len(bytes) > 0 {
		written, err := syscall.Write(b.write, bytes)
		if err != nil && err != syscall.EINTR {
			return
		}
		bytes = bytes[max(written, 0):]
	}
}

func (b *block) close() {
	_ = syscall.Close(b.write)
	_ = syscall.Close(b.read)
}
