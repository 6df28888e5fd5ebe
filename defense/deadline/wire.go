package deadline

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"
)

// Header is the name of the HTTP header which carries the budget: gRPC's grpc-timeout, which gRPC gateways read from
// HTTP requests too.
const Header = "Grpc-Timeout"

// maxDigits is what the gRPC protocol allows a timeout to have.
const maxDigits = 8

// units are gRPC's, the finest first.
var units = [...]struct {
	letter byte
	length time.Duration
}{
	{'n', time.Nanosecond}, {'u', time.Microsecond}, {'m', time.Millisecond},
	{'S', time.Second}, {'M', time.Minute}, {'H', time.Hour},
}

// Format returns d as gRPC's grpc-timeout: "100m", "5S". The unit is the coarsest that loses nothing, or else the
// finest that fits into eight digits; then the rest is cut off, for a budget may shrink on its way but not grow.
// What is not positive becomes "0n".
func Format(d time.Duration) string {
	if d <= 0 {
		return "0n"
	}
	best := -1
	for i, u := range units {
		fits, exact := d/u.length < 1e8, d%u.length == 0
		if fits && (exact || best < 0) {
			best = i
		}
	}
	u := units[best] // the longest Duration has seven digits of hours
	var buf [maxDigits + 1]byte
	return string(append(strconv.AppendInt(buf[:0], int64(d/u.length), 10), u.letter))
}

// Parse reads what [Format] returned, or any other grpc-timeout. One too long for a Duration becomes the longest Duration.
func Parse(s string) (time.Duration, error) {
	digits := len(s) - 1
	if digits < 1 || digits > maxDigits {
		return 0, fmt.Errorf("deadline: parsing %.20q: want one to eight digits and a unit", s)
	}
	var n int64
	for _, c := range []byte(s[:digits]) {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("deadline: parsing %.20q: %q is no digit", s, c)
		}
		n = n*10 + int64(c-'0')
	}
	for _, u := range units {
		if u.letter != s[digits] {
			continue
		}
		if n > math.MaxInt64/int64(u.length) {
			return math.MaxInt64, nil
		}
		return time.Duration(n) * u.length, nil
	}
	return 0, fmt.Errorf("deadline: parsing %.20q: the unit must be one of H M S m u n", s)
}

// FromHeader returns the budget that a header carries, the shortest if it does so several times. A value that cannot be
// parsed counts for nothing.
func FromHeader(h http.Header) (left time.Duration, ok bool) {
	for _, value := range h[Header] {
		d, err := Parse(value)
		if err == nil && (!ok || d < left) {
			left, ok = d, true
		}
	}
	return left, ok
}
