package process

import (
	"bytes"
	"encoding/binary"
	"os"
	"syscall"

	"github.com/falsifiable/stability/signals"
)

// system keeps files of /proc/self open: reading one that is open costs a tenth of opening it.
type system struct {
	usage      usage
	statm      *os.File
	tasks, fds *os.File // directories; nil when /proc is not there
	pageSize   float64
	stat       syscall.Stat_t
	counter    fdCounter
	buf        [256]byte
}

func open() system {
	file := func(name string) *os.File {
		f, err := os.Open("/proc/self/" + name)
		if err != nil {
			return nil
		}
		return f
	}
	return system{
		statm: file("statm"), tasks: file("task"), fds: file("fd"),
		pageSize: float64(os.Getpagesize()), counter: fdCounter{many: 1000},
	}
}

func (s *system) sample(dst *signals.Batch) {
	s.usage.sample(dst)
	if resident, ok := s.residentPages(); ok {
		dst.Add(signals.Process.MemoryUsage, resident*s.pageSize)
	}
	if s.tasks != nil && syscall.Fstat(int(s.tasks.Fd()), &s.stat) == nil && s.stat.Nlink > 2 {
		dst.Add(signals.Process.Threads, float64(s.stat.Nlink)-2) // one link per thread, plus . and ..
	}
	if s.fds == nil {
		return
	}
	if syscall.Fstat(int(s.fds.Fd()), &s.stat) == nil && s.stat.Size > 0 {
		dst.Add(signals.Process.Descriptors, float64(s.stat.Size)) // Linux 6.2 and later tell the number as the directory's size
	} else if n, ok := s.counter.count(int(s.fds.Fd())); ok {
		dst.Add(signals.Process.Descriptors, float64(n))
	}
}

// residentPages reads the second number of /proc/self/statm.
func (s *system) residentPages() (float64, bool) {
	if s.statm == nil {
		return 0, false
	}
	n, _ := s.statm.ReadAt(s.buf[:], 0) // EOF is the usual end
	_, rest, _ := bytes.Cut(s.buf[:n], []byte(" "))
	pages, digits := 0.0, 0
	for _, c := range rest {
		if c < '0' || c > '9' {
			break
		}
		pages = pages*10 + float64(c-'0')
		digits++
	}
	return pages, digits > 0
}

// fdCounter counts the entries of /proc/self/fd, for kernels that do not tell their number.
// That costs about 0.1 µs an entry, so a count above many is renewed only every recount-th time.
type fdCounter struct {
	many int
	last int
	rest int // readings until the next count
	buf  [8192]byte
}

const recount = 15

func (c *fdCounter) count(dir int) (int, bool) {
	if c.rest--; c.rest > 0 {
		return c.last, true
	}
	if _, err := syscall.Seek(dir, 0, 0); err != nil {
		return 0, false
	}
	total := 0
	for {
		n, err := syscall.ReadDirent(dir, c.buf[:])
		if err != nil {
			return 0, false
		}
		if n <= 0 {
			break
		}
		total += entries(c.buf[:n])
	}
	c.last, c.rest = total, 0
	if total > c.many {
		c.rest = recount
	}
	return total, true
}

// entries counts the records of linux_dirent64 in buf but for . and .. : an inode and an offset of 8 bytes each, the
// record's length in 2, a type, and the name.
func entries(buf []byte) int {
	const lengthAt, nameAt = 16, 19
	n := 0
	for len(buf) > nameAt {
		length := int(binary.NativeEndian.Uint16(buf[lengthAt:]))
		if length <= nameAt || length > len(buf) {
			break
		}
		if buf[nameAt] != '.' {
			n++
		}
		buf = buf[length:]
	}
	return n
}
