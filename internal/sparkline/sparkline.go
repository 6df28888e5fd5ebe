// Package sparkline draws a history in a line of text, for cards and terminals.
package sparkline

import (
	"math"
	"strings"
)

var bars = []rune("▁▂▃▄▅▆▇█")

// Draw returns at most n bars for the values, oldest first: of several values that share a bar the greatest, for a peak is what one looks
// for. The lowest bar is the least value, or 0 if that is nearer to it than to the greatest. What is no number is a gap.
func Draw(values []float64, n int) string {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if finite(v) {
			low, high = min(low, v), max(high, v)
		}
	}
	if low > high || n <= 0 {
		return ""
	}
	if low > 0 && low < high-low {
		low = 0
	}
	n = min(n, len(values))
	var b strings.Builder
	for i := range n {
		peak := math.NaN()
		for _, v := range values[i*len(values)/n : (i+1)*len(values)/n] {
			if finite(v) && !(v <= peak) {
				peak = v
			}
		}
		switch {
		case math.IsNaN(peak):
			b.WriteByte(' ')
		case high == low:
			b.WriteRune(bars[0])
		default:
			b.WriteRune(bars[int((peak-low)/(high-low)*float64(len(bars)-1)+0.5)])
		}
	}
	return b.String()
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
