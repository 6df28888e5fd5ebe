// Package millis converts between durations and the milliseconds in which configuration files write them
// (`timeoutMs: 5000` in the whitepaper), so that a file needs no unit and Go code no bare number.
package millis

import (
	"bytes"
	"encoding/json"
	"math"
	"time"
)

// Of returns d in milliseconds.
func Of(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// Duration returns ms milliseconds. What no duration can hold becomes the longest or the shortest, and NaN the
// shortest, which is negative: validation refuses it.
func Duration(ms float64) time.Duration {
	ns := ms * float64(time.Millisecond)
	switch {
	case ns >= math.MaxInt64:
		return math.MaxInt64
	case ns > math.MinInt64:
		return time.Duration(math.Round(ns))
	default:
		return math.MinInt64
	}
}

// Strict returns a function that decodes data into a value and refuses fields which the value does not have: a
// mistyped key must not leave a default in force that nobody meant.
func Strict(data []byte) func(any) error {
	return func(v any) error {
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.DisallowUnknownFields()
		return decoder.Decode(v)
	}
}
