// Package stats holds the few statistics by which falsify turns counts of runs into claims.
//
// Runs are the unit of every claim on a share: the ticks inside one run are correlated and are not trials. Exposure in
// hours is a second, separate claim (Poisson). All bounds here are exact, none is a normal approximation.
package stats

import "math"

// Interval is a confidence interval for a share, both ends in [0, 1].
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// ClopperPearson returns the exact two-sided interval for k events in n trials (Clopper and Pearson, 1934). Its
// coverage is never below confidence, which is why gates use it. No trials say nothing: [0, 1].
func ClopperPearson(k, n int, confidence float64) Interval {
	if n <= 0 {
		return Interval{0, 1}
	}
	side := (1 + confidence) / 2
	return Interval{LowerBound(k, n, side), UpperBound(k, n, side)}
}

// UpperBound returns the exact one-sided upper bound of a share after k events in n trials. For k = 0 it is
// 1 - (1-confidence)^(1/n), about 3/n at 95 %: the rule of three.
func UpperBound(k, n int, confidence float64) float64 {
	if n <= 0 || k >= n {
		return 1
	}
	// The largest p under which k or fewer events are still as likely as 1-confidence.
	return bisect(func(p float64) bool { return BinomialCDF(k, n, p) > 1-confidence })
}

// LowerBound returns the exact one-sided lower bound of a share after k events in n trials.
func LowerBound(k, n int, confidence float64) float64 {
	if n <= 0 || k <= 0 {
		return 0
	}
	return bisect(func(p float64) bool { return 1-BinomialCDF(k-1, n, p) < 1-confidence })
}

// CleanRuns returns how many runs a plan needs so that at most allowed events in them support the claim "the rate
// is below rate" at that confidence. The pair (allowed, runs) has to be fixed before the first run: choosing it
// after a failure was seen breaks the confidence. It returns 0 for a rate or confidence outside (0, 1).
func CleanRuns(allowed int, rate, confidence float64) int {
	if !(rate > 0 && rate < 1 && confidence > 0 && confidence < 1) || allowed < 0 {
		return 0
	}
	supports := func(n int) bool { return BinomialCDF(allowed, n, rate) <= 1-confidence }
	high := allowed + 1
	for !supports(high) {
		high *= 2
	}
	low := high / 2
	for low+1 < high {
		if mid := (low + high) / 2; supports(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return high
}

// PoissonUpper returns the exact one-sided upper bound of a rate per unit of exposure after that many events: about
// 3/exposure at 95 % for none. It returns +Inf without exposure.
func PoissonUpper(events int, exposure, confidence float64) float64 {
	if exposure <= 0 {
		return math.Inf(1)
	}
	// Events are Poisson: find the mean under which so few are as unlikely as 1-confidence.
	tail := func(mean float64) float64 {
		term, sum := math.Exp(-mean), 0.0
		for i := range events + 1 {
			if i > 0 {
				term *= mean / float64(i)
			}
			sum += term
		}
		return sum
	}
	high := 4.0 + 4*float64(events)
	for tail(high) > 1-confidence {
		high *= 2
	}
	return high * bisect(func(share float64) bool { return tail(share*high) > 1-confidence }) / exposure
}

// BinomialCDF returns the probability of at most k events in n independent trials of probability p.
func BinomialCDF(k, n int, p float64) float64 {
	switch {
	case k < 0:
		return 0
	case k >= n:
		return 1
	}
	return incompleteBeta(float64(n-k), float64(k+1), 1-p)
}

// bisect returns the point of [0, 1] up to which below holds.
func bisect(below func(float64) bool) float64 {
	low, high := 0.0, 1.0
	for range 100 { // each step gains one bit; a float64 has 53
		if mid := (low + high) / 2; below(mid) {
			low = mid
		} else {
			high = mid
		}
	}
	return (low + high) / 2
}
