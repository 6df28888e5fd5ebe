package plot

import (
	"math"
	"strconv"

	"github.com/falsifiable/stability/signals"
)

// size is a unit that a number is told in, of a certain size and above.
type size struct {
	of   float64
	name string
}

// sizes are those of each unit, the largest first; what is smaller than all is told in the last.
var sizes = map[signals.Unit][]size{
	signals.Bytes:   {{1 << 40, " TiB"}, {1 << 30, " GiB"}, {1 << 20, " MiB"}, {1 << 10, " KiB"}, {1, " B"}},
	signals.Seconds: {{3600, " h"}, {60, " min"}, {1, " s"}, {1e-3, " ms"}, {1e-6, " µs"}},
	signals.Ratio:   {{0.01, " %"}},
	signals.Count:   {{1e9, "G"}, {1e6, "M"}, {1e3, "k"}, {1, ""}},
}

// sizeOf returns the size that a number is told in.
func sizeOf(v float64, u signals.Unit) size {
	list := sizes[u]
	for _, s := range list {
		if math.Abs(v) >= s.of {
			return s
		}
	}
	return list[len(list)-1]
}

// Label writes a number with its unit in three digits or fewer: 1.5 GiB, 250 ms, 12 %, 2k; a rate with /s behind it.
func Label(v float64, u signals.Unit, perSecond bool) string {
	text := "0"
	if v != 0 {
		s := sizeOf(v, u)
		text = strconv.FormatFloat(v/s.of, 'g', 3, 64) + s.name
		if math.Abs(v/s.of) >= 1000 {
			text = strconv.FormatFloat(v/s.of, 'g', 4, 64) + s.name
		}
	}
	if v < 0 {
		text = "−" + text[1:]
	}
	if perSecond {
		text += "/s"
	}
	return text
}

// steps returns at most n+1 round numbers from low to high, at equal distances: by 1, 2 or 5 of a power of ten of the size in which
// they are told.
func steps(low, high float64, u signals.Unit, n int) (all []float64) {
	s := sizeOf(max(math.Abs(low), math.Abs(high)), u).of
	least := (high - low) / s / float64(max(n, 1))
	step := math.Pow(10, math.Floor(math.Log10(least)))
	for _, times := range []float64{1, 2, 5, 10} {
		if step*times >= least*(1-1e-9) {
			step *= times
			break
		}
	}
	for i := math.Ceil(low/s/step - 1e-9); i*step <= high/s*(1+1e-9); i++ {
		all = append(all, i*step*s)
	}
	return all
}
