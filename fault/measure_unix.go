//go:build unix

package fault

import (
	"fmt"
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

// LowerFileLimit lowers the soft limit on open file descriptors, if it is above most and most is not 0, until restore.
func LowerFileLimit(most float64) (restore func(), err error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || most <= 0 || float64(limit.Cur) <= most {
		return func() {}, nil
	}
	lowered := limit
	setLimit(&lowered.Cur, most)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lowered); err != nil {
		return nil, fmt.Errorf("fault: lowering the limit on open files to %g: %w", most, err)
	}
	// Raising a soft limit to what it was, below the hard one, is refused to nobody.
	return func() { _ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit) }, nil
}

// setLimit sets a limit, whose type differs between systems.
func setLimit[N ~int64 | ~uint64](limit *N, to float64) { *limit = N(to) }

// FileLimit returns the soft limit on open file descriptors, NaN if the system does not tell.
func FileLimit() float64 {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return math.NaN()
	}
	return float64(limit.Cur)
}
