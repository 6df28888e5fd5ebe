// Package units is the one table of unit suffixes: those of number literals in the contract language and those in the
// parameters of faults.
package units

// Dimension is what a suffix measures.
type Dimension uint8

// The dimensions.
const (
	Bytes Dimension = iota
	Seconds
	Ratio
)

// Suffix is what may follow a number directly.
type Suffix struct {
	Text      string
	Dimension Dimension
	// A number is multiplied by Times and divided by Per: both are exact, so that 5ms is the float nearest to 0.005.
	Times, Per float64
}

// Value returns a number with the suffix behind it in the dimension's own unit: bytes, seconds or the share of 1.
func (s Suffix) Value(number float64) float64 { return number * s.Times / s.Per }

// Suffixes returns all suffixes, no one before a longer one that ends with it: "KiB" comes before "B".
func Suffixes() []Suffix {
	return []Suffix{
		{"KiB", Bytes, 1 << 10, 1}, {"MiB", Bytes, 1 << 20, 1}, {"GiB", Bytes, 1 << 30, 1}, {"TiB", Bytes, 1 << 40, 1},
		{"KB", Bytes, 1e3, 1}, {"MB", Bytes, 1e6, 1}, {"GB", Bytes, 1e9, 1}, {"TB", Bytes, 1e12, 1}, {"B", Bytes, 1, 1},
		{"ns", Seconds, 1, 1e9}, {"us", Seconds, 1, 1e6}, {"µs", Seconds, 1, 1e6}, {"ms", Seconds, 1, 1e3},
		{"s", Seconds, 1, 1}, {"m", Seconds, 60, 1}, {"h", Seconds, 3600, 1}, {"d", Seconds, 86400, 1},
		{"%", Ratio, 1, 100},
	}
}
