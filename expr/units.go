package expr

import "github.com/falsifiable/stability/signal"

// Suffix is what may follow a number directly and gives it a dimension.
type Suffix struct {
	Text string
	Unit signal.Unit
	// A literal is multiplied by Times and divided by Per: both are exact, so that 5ms is the float nearest to 0.005.
	Times, Per float64
}

// Suffixes returns the unit suffixes of number literals.
func Suffixes() []Suffix {
	return []Suffix{
		{"B", signal.Bytes, 1, 1},
		{"KB", signal.Bytes, 1e3, 1}, {"MB", signal.Bytes, 1e6, 1}, {"GB", signal.Bytes, 1e9, 1}, {"TB", signal.Bytes, 1e12, 1},
		{"KiB", signal.Bytes, 1 << 10, 1}, {"MiB", signal.Bytes, 1 << 20, 1},
		{"GiB", signal.Bytes, 1 << 30, 1}, {"TiB", signal.Bytes, 1 << 40, 1},
		{"ns", signal.Seconds, 1, 1e9}, {"us", signal.Seconds, 1, 1e6}, {"µs", signal.Seconds, 1, 1e6},
		{"ms", signal.Seconds, 1, 1e3}, {"s", signal.Seconds, 1, 1}, {"m", signal.Seconds, 60, 1},
		{"h", signal.Seconds, 3600, 1}, {"d", signal.Seconds, 86400, 1},
		{"%", signal.Ratio, 1, 100},
	}
}

var suffixes = Suffixes()

func suffixNamed(text string) (Suffix, bool) {
	for _, s := range suffixes {
		if s.Text == text {
			return s, true
		}
	}
	return Suffix{}, false
}
