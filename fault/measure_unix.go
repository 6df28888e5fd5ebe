//go:build unix

package fault

import (
	"math"
	"syscall"
	"time"
)

// CPUTime returns the CPU time that the process has used, user and system, in seconds; NaN if the system does not
// tell.
func CPUTime() float64 {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return math.NaN()
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

// FileLimit returns the soft limit on open file descriptors, NaN if the system does not tell.
func FileLimit() float64 {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return math.NaN()
	}
	return float64(limit.Cur)
}
