package expr

import (
	"github.com/falsifiable/stability/internal/units"
	"github.com/falsifiable/stability/signals"
)

// Suffix is what may follow a number directly and gives it a dimension.
type Suffix struct {
	Text string
	Unit signals.Unit
	// A literal is multiplied by Times and divided by Per.
	Times, Per float64
}

var unitOf = map[units.Dimension]signals.Unit{units.Bytes: signals.Bytes, units.Seconds: signals.Seconds, units.Ratio: signals.Ratio}

// Suffixes returns the unit suffixes of number literals.
func Suffixes() []Suffix {
	var all []Suffix
	for _, s := range units.Suffixes() {
		all = append(all, Suffix{s.Text, unitOf[s.Dimension], s.Times, s.Per})
	}
	return all
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
