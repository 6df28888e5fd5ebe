package stats

import (
	"math"
	"slices"
)

// Equivalence is the outcome of asking whether a signal is back where it was.
type Equivalence struct {
	Outcome EquivalenceOutcome `json:"outcome"`
	// Before and After are the two means, Margin how far apart they may be.
	Before float64 `json:"before"`
	After  float64 `json:"after"`
	Margin float64 `json:"margin"`
	// P is the larger p-value of the two one-sided tests: small means equivalent.
	P float64 `json:"p"`
}

// EquivalenceOutcome says whether two samples have the same mean, within a margin.
type EquivalenceOutcome string

const (
	// Equivalent: both one-sided tests place the difference inside the margin.
	Equivalent EquivalenceOutcome = "equivalent"
	// Different: one of them places it outside.
	Different EquivalenceOutcome = "different"
	// Unclear: the samples are too few or too noisy to tell.
	Unclear EquivalenceOutcome = "unclear"
)

// Equal asks by two one-sided Welch tests (TOST, Schuirmann 1987) whether the mean of after is that of before,
// give or take margin, a share of it. That no difference was found does not show that there is none; this does.
//
// floor is the least margin, in the signal's own unit: five percent of nothing is nothing. Samples should be
// spaced so that they are about independent; see [Medians].
func Equal(before, after []float64, margin, floor, confidence float64) Equivalence {
	if len(before) < 3 || len(after) < 3 {
		return Equivalence{Outcome: Unclear, P: 1}
	}
	meanB, varB := meanVariance(before)
	meanA, varA := meanVariance(after)
	e := Equivalence{Before: meanB, After: meanA, Margin: max(margin*math.Abs(meanB), floor), P: 1}
	difference := meanA - meanB
	seB, seA := varB/float64(len(before)), varA/float64(len(after))
	standardError := math.Sqrt(seB + seA)
	if standardError == 0 {
		e.Outcome = Different
		if math.Abs(difference) < e.Margin {
			e.Outcome, e.P = Equivalent, 0
		}
		return e
	}
	freedom := (seB + seA) * (seB + seA) /
		(seB*seB/float64(len(before)-1) + seA*seA/float64(len(after)-1))
	e.P = max(
		1-studentCDF((difference+e.Margin)/standardError, freedom),
		1-studentCDF((e.Margin-difference)/standardError, freedom),
	)
	outside := 1 - studentCDF((math.Abs(difference)-e.Margin)/standardError, freedom)
	switch {
	case e.P <= 1-confidence:
		e.Outcome = Equivalent
	case outside <= 1-confidence:
		e.Outcome = Different
	default:
		e.Outcome = Unclear
	}
	return e
}

// Medians thins a run of readings to the medians of at most n blocks of equal length. Neighboring readings of a
// runtime signal are correlated, those medians much less, and single outliers of a garbage collection are gone.
func Medians(readings []float64, n int) []float64 {
	if n <= 0 || len(readings) <= n {
		return slices.Clone(readings)
	}
	medians := make([]float64, n)
	for i := range n {
		block := slices.Clone(readings[i*len(readings)/n : (i+1)*len(readings)/n])
		slices.Sort(block)
		medians[i] = block[len(block)/2]
	}
	return medians
}

// Quantile returns the q-quantile of values and of as many others as censored says, of which nothing is known but that they are
// larger: +Inf when the quantile falls among those, NaN when there is nothing at all. So a miss counts in a time to detect as longer
// than all others, and is not dropped.
func Quantile(values []float64, censored int, q float64) float64 {
	n := len(values) + censored
	if n == 0 {
		return math.NaN()
	}
	index := max(int(math.Ceil(q*float64(n)))-1, 0)
	if index >= len(values) {
		return math.Inf(1)
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[index]
}

func meanVariance(values []float64) (mean, variance float64) {
	for _, v := range values {
		mean += v
	}
	mean /= float64(len(values))
	for _, v := range values {
		variance += (v - mean) * (v - mean)
	}
	return mean, variance / float64(len(values)-1)
}
