package expr

import "github.com/falsifiable/stability/signals"

// Suffix is what may follow a number directly and gives it a dimension.
type Suffix struct {
	Text string
	Unit signals.Unit
	// A literal is multiplied by Times and divided by Per: both are exact, so that 5ms is the float nearest to 0.005.
	Times, Per float64
}

// Suffixes returns the unit suffixes of number literals.
func Suffixes() []Suffix {
	return []Suffix{
		{"B", signals.Bytes, 1, 1},
		{"KB", signals.Bytes, 1e3, 1}, {"MB", signals.Bytes, 1e6, 1}, {"GB", signals.Bytes, 1e9, 1}, {"TB", signals.Bytes, 1e12, 1},
		{"KiB", signals.Bytes, 1 << 10, 1}, {"MiB", signals.Bytes, 1 << 20, 1},
		{"GiB", signals.Bytes, 1 << 30, 1}, {"TiB", signals.Bytes, 1 << 40, 1},
		{"ns", signals.Seconds, 1, 1e9}, {"us", signals.Seconds, 1, 1e6}, {"µs", signals.Seconds, 1, 1e6},
		{"ms", signals.Seconds, 1, 1e3}, {"s", signals.Seconds, 1, 1}, {"m", signals.Seconds, 60, 1},
		{"h", signals.Seconds, 3600, 1}, {"d", signals.Seconds, 86400, 1},
		{"%", signals.Ratio, 1, 100},
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
