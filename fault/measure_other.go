//go:build !unix

package fault

import "math"

// CPUTime returns NaN: this system has no getrusage, so what needs it stays unproven here.
func CPUTime() float64 { return math.NaN() }

// LowerFileLimit changes nothing: this system has no limit of that kind.
func LowerFileLimit(float64) (restore func(), err error) { return func() {}, nil }

// FileLimit returns NaN: this system has no limit of that kind.
func FileLimit() float64 { return math.NaN() }
