package expr

import (
	"math"

	"github.com/falsifiable/stability/signals"
)

// trendPoints bounds what the trend functions compare pairwise: 64 points make 2016 pairs.
const trendPoints = 64

// scratch returns how many floats an evaluation needs to work on: of a window no more than the store keeps readings.
func (p *Program) scratch(store *signals.Store) int {
	resolution := store.Resolution()
	kept := store.Reach() / resolution
	need := 0
	for _, code := range p.parts() {
		for _, in := range code {
			switch in.op {
			case opTheilSen, opMannKendall:
				need = max(need, 2*trendPoints+trendPoints*(trendPoints-1)/2)
			case opQuantile:
				w, apart := p.windows[in.arg], resolution
				if w.subquery != nil {
					apart = max(apart, w.subquery.step)
				}
				need = max(need, int(min(w.span/apart, kept))+8)
			}
		}
	}
	return need
}

// parts returns the program's code and that of its sub-queries and baselines.
func (p *Program) parts() [][]instr {
	parts := [][]instr{p.code}
	for _, q := range p.subqueries {
		parts = append(parts, q.code)
	}
	for _, b := range p.baselines {
		parts = append(parts, b.code)
	}
	return parts
}

// thin copies a stretch of a series to scratch: as it is up to trendPoints, else averaged in that many runs of
// equally many readings. Times are seconds since its first reading.
func thin(s *signals.Series, from, to int, scratch []float64) (times, values []float64) {
	n := to - from
	points := min(n, trendPoints)
	times, values = scratch[:points], scratch[trendPoints:trendPoints+points]
	origin, _ := s.At(from)
	for i := range points {
		lo, hi := from+i*n/points, from+(i+1)*n/points
		older, newer := cut(s, lo, hi)
		values[i] = (sum(older) + sum(newer)) / float64(hi-lo)
		first, _ := s.At(lo)
		last, _ := s.At(hi - 1)
		times[i] = ((first - origin) + (last - origin)).Seconds() / 2
	}
	return times, values
}

// theilSen returns the median of the slopes between all pairs of points.
func theilSen(times, values, slopes []float64) float64 {
	n := 0
	for i := range values {
		for j := range i {
			slopes[n] = (values[i] - values[j]) / (times[i] - times[j])
			n++
		}
	}
	return quantile(slopes[:n], 0.5)
}

// mannKendall returns the standard score of the number of rising pairs less that of falling ones, with the
// correction for ties and for continuity. It is 0 when all values are alike. It reorders values.
func mannKendall(values []float64) float64 {
	score := 0
	for i := range values {
		if math.IsNaN(values[i]) {
			return math.NaN()
		}
		for j := range i {
			if values[i] > values[j] {
				score++
			} else if values[i] < values[j] {
				score--
			}
		}
	}
	n := float64(len(values))
	variance := n * (n - 1) * (2*n + 5)
	sortSmall(values)
	for i := 0; i < len(values); {
		j := i + 1
		for j < len(values) && values[j] == values[i] {
			j++
		}
		t := float64(j - i)
		variance -= t * (t - 1) * (2*t + 5)
		i = j
	}
	switch deviation := math.Sqrt(variance / 18); {
	case score == 0 || deviation == 0:
		return 0
	case score > 0:
		return float64(score-1) / deviation
	default:
		return float64(score+1) / deviation
	}
}
