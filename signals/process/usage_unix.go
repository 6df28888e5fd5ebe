//go:build unix

package process

import (
	"math"
	"syscall"

	"github.com/falsifiable/stability/signals"
)

// usage holds the memory of two system calls, so that they need none from the heap.
type usage struct {
	rusage syscall.Rusage
	limit  syscall.Rlimit
}

func (u *usage) sample(dst *signals.Batch) {
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u.rusage) == nil {
		ns := u.rusage.Utime.Nano() + u.rusage.Stime.Nano()
		dst.Add(signals.Process.CPUTime, float64(ns)/1e9)
	}
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &u.limit) == nil && uint64(u.limit.Cur) < math.MaxInt64 {
		dst.Add(signals.Process.DescriptorLimit, float64(u.limit.Cur)) // above is RLIM_INFINITY: no limit, no reading
	}
}
