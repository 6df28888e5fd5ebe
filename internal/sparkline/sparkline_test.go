package sparkline

import (
	"math"
	"testing"
)

func TestDraw(t *testing.T) {
	nan := math.NaN()
	for _, test := range []struct {
		values []float64
		n      int
		want   string
	}{
		{[]float64{0, 1, 2, 3, 4, 5, 6, 7}, 8, "▁▂▃▄▅▆▇█"},
		{[]float64{1000, 1001}, 8, "▁█"},        // a small change of a large value
		{[]float64{5, 10}, 8, "▁█"},             //
		{[]float64{1, 10}, 8, "▂█"},             // from zero
		{[]float64{0, 9, 0, 0, 0, 0}, 3, "█▁▁"}, // a peak is not lost
		{[]float64{0, nan, 7}, 8, "▁ █"},        // a gap
		{[]float64{3, 3, 3}, 8, "▁▁▁"},          //
		{[]float64{-7, 0}, 8, "▁█"},             //
		{[]float64{nan, math.Inf(1)}, 8, ""}, {nil, 8, ""}, {[]float64{1}, 0, ""},
	} {
		if got := Draw(test.values, test.n); got != test.want {
			t.Errorf("Draw(%v, %d) = %q, want %q", test.values, test.n, got, test.want)
		}
	}
}
