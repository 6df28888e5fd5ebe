package quantile

import (
	"math"
	"testing"
)

func TestOf(t *testing.T) {
	bounds := []float64{math.Inf(-1), 0, 1, 2, 4, math.Inf(1)}
	for _, test := range []struct {
		name   string
		q      float64
		counts []uint64
		want   float64
	}{
		{"middle of a bucket", 0.5, []uint64{0, 0, 10, 0, 0}, 1.5},
		{"end of a bucket", 1, []uint64{0, 5, 5, 0, 0}, 2},
		{"boundary", 0.5, []uint64{0, 5, 5, 0, 0}, 1},
		{"last finite", 0.99, []uint64{0, 0, 0, 100, 0}, 3.98},
		{"beyond the last bound", 0.99, []uint64{0, 0, 0, 0, 3}, 4},
		{"below the first bound", 0.5, []uint64{4, 0, 0, 0, 0}, 0},
		{"one observation", 0.5, []uint64{0, 0, 0, 1, 0}, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			var total uint64
			for _, n := range test.counts {
				total += n
			}
			if got := Of(test.q, test.counts, total, bounds); math.Abs(got-test.want) > 1e-9 {
				t.Errorf("Of(%v) = %v, want %v", test.q, got, test.want)
			}
		})
	}
	if got := Of(0.5, []uint64{1, 0, 0, 0, 0}, 9, bounds); !math.IsNaN(got) {
		t.Errorf("with a wrong total Of = %v, want NaN", got)
	}
}
