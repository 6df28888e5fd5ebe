// Package timescale holds the one factor by which `stability falsify` compresses a contract's own
// times (sampling, interval, For, ranges) so that minutes of promise can be tried in seconds.
//
// It is internal so that only the fault agent, which a production binary does not link, can set it.
package timescale

import (
	"math"
	"sync/atomic"
	"time"
)

var factor atomic.Uint64 // bits of a float64; 0 stands for 1

// Set makes every monitor started afterwards run its times multiplied by f.
// It panics unless 0 < f <= 1: a contract may be hurried, never relaxed.
func Set(f float64) {
	if !(f > 0 && f <= 1) {
		panic("timescale: factor must be in (0, 1]")
	}
	factor.Store(math.Float64bits(f))
}

// Factor returns the factor in force, 1 unless a fault agent has set another.
func Factor() float64 {
	if b := factor.Load(); b != 0 {
		return math.Float64frombits(b)
	}
	return 1
}

// Scale returns d multiplied by f, never below one millisecond for a positive d.
func Scale(d time.Duration, f float64) time.Duration {
	if f == 1 || d <= 0 {
		return d
	}
	return max(time.Duration(float64(d)*f), time.Millisecond)
}
