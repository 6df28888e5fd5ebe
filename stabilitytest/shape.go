package stabilitytest

import (
	"math"
	"math/rand/v2"
	"time"
)

// Shape is the course of load over time.
type Shape string

// The shapes of load that Verify draws from, those of stability falsify.
const (
	Steady   Shape = "steady"
	Ramp     Shape = "ramp"
	Spike    Shape = "spike"
	Sawtooth Shape = "sawtooth"
	Burst    Shape = "burst"
	Idle     Shape = "idle"
)

// Shapes returns all shapes.
func Shapes() []Shape { return []Shape{Steady, Ramp, Spike, Sawtooth, Burst, Idle} }

// load returns the course of a shape: requests per second at each time, between low and high, within a run of
// length total. Its details are drawn from rng.
func (s Shape) load(rng *rand.Rand, low, high float64, total time.Duration) func(at time.Duration) float64 {
	span := high - low
	start := time.Duration(float64(total) * (0.2 + 0.4*rng.Float64()))
	length := time.Duration(float64(total) * (0.05 + 0.25*rng.Float64()))
	period := time.Duration(float64(total) * (0.03 + 0.2*rng.Float64()))
	within := func(at time.Duration) bool { return at >= start && at < start+length }
	switch s {
	case Ramp:
		return func(at time.Duration) float64 { return low + span*min(1, float64(at)/float64(total)) }
	case Spike:
		return func(at time.Duration) float64 {
			if within(at) {
				return high
			}
			return low + 0.1*span
		}
	case Sawtooth:
		return func(at time.Duration) float64 {
			_, phase := math.Modf(float64(at) / float64(period))
			return low + span*phase
		}
	case Burst: // on and off by chance, as batch clients are
		on := make([]bool, int(total/period)+2)
		for i := range on {
			on[i] = rng.IntN(3) == 0
		}
		return func(at time.Duration) float64 {
			if on[min(int(at/period), len(on)-1)] {
				return high
			}
			return low
		}
	case Idle:
		return func(at time.Duration) float64 {
			if within(at) {
				return low
			}
			return 0
		}
	default:
		level := low + span*rng.Float64()
		return func(time.Duration) float64 { return level }
	}
}
