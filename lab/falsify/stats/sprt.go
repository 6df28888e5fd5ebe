package stats

import "math"

// SPRT is Wald's sequential test between two shares of detection. Low is the share that must be ruled out, High the
// one that is hoped for; Error bounds both mistakes. The zero value is useless: use [Quick] or [Nightly].
type SPRT struct {
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	Error float64 `json:"error"`
}

// The two plans of falsify. Quick accepts after 6 detections without a miss and rejects after 2 misses without a
// detection; Nightly needs 18 and 3.
var (
	Quick   = SPRT{Low: 0.5, High: 0.9, Error: 0.05}
	Nightly = SPRT{Low: 0.8, High: 0.95, Error: 0.05}
)

// Decision is what a sequential test says so far.
type Decision string

const (
	// Undecided asks for another trial. A test that is stopped while undecided is inconclusive.
	Undecided Decision = "undecided"
	// Accepted rules Low out.
	Accepted Decision = "accepted"
	// Rejected rules High out.
	Rejected Decision = "rejected"
)

// Decide returns what the test says after that many detections and misses, in whatever order they came.
func (s SPRT) Decide(hits, misses int) Decision {
	bound := math.Log((1 - s.Error) / s.Error)
	evidence := float64(hits)*math.Log(s.High/s.Low) + float64(misses)*math.Log((1-s.High)/(1-s.Low))
	switch {
	case evidence >= bound:
		return Accepted
	case evidence <= -bound:
		return Rejected
	}
	return Undecided
}

// Straight returns how many detections without a miss the test needs to accept: the least length of a plan.
func (s SPRT) Straight() int {
	n := 1
	for s.Decide(n, 0) == Undecided {
		n++
	}
	return n
}
