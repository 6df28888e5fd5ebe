package search

import "github.com/falsifiable/stability/lab/analysis/internal/concur/machine"

// The strategy. The numbers were chosen by trial with the 63 GoKer kernels, their mended versions and the packages of the standard
// library. What they reach is measured (docs/guide/vet-measured.md, "The search"): 62 of 63, no alarm on the mended ones,
// 0.23 s of processor time for the slowest. What other numbers reached was not kept: whoever changes one runs TestGoKerScore and
// TestFixedKernels before and after.
const (
	// maxDepartures is how many choices of a run depart from the usual ones. All kernels that are found systematically are
	// found with three or fewer; what lies deeper is left to random runs.
	maxDepartures = 5
	// maxDeparture is the place up to which a run is departed from: later choices are mostly those of loops that go round.
	maxDeparture = 120
	// maxPending bounds the scripts that wait for their turn, and so memory; a root has time for a few thousand.
	maxPending = 20_000
	// randomEvery: each third run is random, because some bugs lie deep but are common.
	randomEvery = 3
	// runsAfterFirst, and a quarter of those so far, are made after the first finding: there may be another kind near by.
	runsAfterFirst = 60
	// seed is any number; a fixed one makes findings the same each time.
	seed machine.Random = 0x9e3779b97f4a7c15
	// randomDepartures is what a random run counts as.
	randomDepartures = 99
)

// systematic runs the usual schedule first, then those that depart from it in one choice, in two, and so on, with random
// ones in between.
func (s *search) systematic() {
	s.stop = s.e.limits.Runs
	random := seed
	level := [][]uint8{nil}
	for departures := 0; departures <= maxDepartures && len(level) > 0; departures++ {
		var next [][]uint8
		for _, script := range level {
			if s.runs >= s.stop || s.work >= s.e.limits.Work {
				return
			}
			run := s.run(machine.Script{First: script}, departures)
			if s.runs%randomEvery == randomEvery-1 {
				s.run(machine.Script{Random: &random}, randomDepartures)
			}
			if len(run.Taken) == 0 {
				return // nothing to choose
			}
			next = departuresFrom(run, len(script), next)
		}
		level = next
	}
}

// departuresFrom adds the scripts that do as the run did up to some choice from the given one on, and then otherwise.
func departuresFrom(run machine.Script, from int, next [][]uint8) [][]uint8 {
	for at := from; at < len(run.Taken) && at < maxDeparture; at++ {
		for k := 1; k < int(run.Widths[at]); k++ {
			if len(next) < maxPending {
				next = append(next, append(append(make([]uint8, 0, at+1), run.Taken[:at]...), uint8(k)))
			}
		}
	}
	return next
}
