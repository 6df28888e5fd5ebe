// Package settings is what the configurations of the defenses have in common: durations that files write in milliseconds
// (`timeoutMs: 5000` in the whitepaper), so that a file needs no unit and Go code no bare number, decoding that refuses
// what it does not know, and validation that names the field.
package settings

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// Rule is a condition on one field. Make one with [Require].
type Rule struct {
	holds bool
	field string
	value any
	want  string
}

// Require returns the rule that a field, by its name in files, is what is wanted.
func Require(holds bool, field string, value any, want string) Rule {
	return Rule{holds, field, value, want}
}

// Check returns an error that tells of the first rule which does not hold, in the named configuration of that room.
func Check(room, name string, rules ...Rule) error {
	for _, r := range rules {
		if !r.holds {
			return fmt.Errorf("%s: validating %s: %s is %v, not %s", room, name, r.field, r.value, r.want)
		}
	}
	return nil
}

// Millis returns d in milliseconds.
func Millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

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
