// Package quantile reads quantiles from a histogram's buckets.
package quantile

import "math"

// Of returns the q-quantile of total observations, bucket i holding counts[i] of them between bounds[i] and
// bounds[i+1]. Within a bucket they are taken as evenly spread, so the error is at most the bucket's width.
// A quantile beyond the last finite bound is that bound; NaN means that total is not the sum of counts.
func Of(q float64, counts []uint64, total uint64, bounds []float64) float64 {
	rank, seen := q*float64(total), 0.0
	for i, n := range counts {
		if n == 0 || seen+float64(n) < rank {
			seen += float64(n)
			continue
		}
		low, high := max(bounds[i], 0), bounds[i+1]
		if math.IsInf(high, 1) {
			return low
		}
		return low + (high-low)*(rank-seen)/float64(n)
	}
	return math.NaN()
}
