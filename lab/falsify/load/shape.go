package load

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Shape is how the rate of requests changes over time. The mean rate of every shape but Idle is about the
// base rate.
type Shape string

// The shapes. All that is random in one (when a spike comes, how long a burst lasts) is drawn from the seed.
const (
	Steady   Shape = "steady"
	Ramp     Shape = "ramp"
	Spike    Shape = "spike"
	Sawtooth Shape = "sawtooth"
	Burst    Shape = "burst"
	Idle     Shape = "idle"
)

// Shapes lists all shapes.
func Shapes() []Shape { return []Shape{Steady, Ramp, Spike, Sawtooth, Burst, Idle} }

// leastShare keeps even an idle service at a fifth of its base rate: a stop of the load takes effect within the gap
// between two requests, and a check on no traffic at all is Unknown and proves nothing.
const leastShare = 0.2

// mostShare is the largest multiple of the base rate that a shape asks for.
const mostShare = 3

// curve returns the shape as a multiple of the base rate over phase, which repeats in [0, 1).
func (s Shape) curve(random *rand.Rand) (func(phase float64) float64, error) {
	at, width := random.Float64()*0.8, 0.05+0.1*random.Float64()
	teeth := float64(2 + random.IntN(4))
	switch s {
	case Steady, "":
		return func(float64) float64 { return 1 }, nil
	case Ramp:
		return func(p float64) float64 { return leastShare + 1.6*p }, nil
	case Spike:
		return func(p float64) float64 {
			if p >= at && p < at+width {
				return mostShare
			}
			return 0.75
		}, nil
	case Sawtooth:
		return func(p float64) float64 { return 0.4 + 1.2*math.Mod(p*teeth, 1) }, nil
	case Burst:
		return func(p float64) float64 {
			if math.Mod(p*teeth+at, 1) < 0.4 {
				return 2.2
			}
			return leastShare
		}, nil
	case Idle:
		return func(p float64) float64 {
			if p >= at && p < at+width {
				return 1
			}
			return leastShare
		}, nil
	}
	return nil, fmt.Errorf("load: %q is none of the shapes %v", string(s), Shapes())
}

// schedule is the sequence of intended send times: Poisson arrivals along a shape, fixed by the seed before anything
// is sent. It is generated as far as it is asked for. Not safe for concurrent use.
type schedule struct {
	random *rand.Rand
	curve  func(phase float64) float64
	rate   float64 // requests per second at multiple 1
	every  int     // only each every-th arrival of the Poisson process is sent
	period float64 // seconds in which the shape repeats
	now    float64 // seconds; the last candidate
	times  []time.Duration
}

func newSchedule(shape Shape, rate float64, period time.Duration, every int, seed uint64) (*schedule, error) {
	random := rand.New(rand.NewPCG(seed, 0x10ad))
	curve, err := shape.curve(random)
	if err != nil {
		return nil, err
	}
	return &schedule{random: random, curve: curve, rate: rate, every: max(every, 1), period: period.Seconds()}, nil
}

// at returns the intended time of the n-th request, counted from 0.
func (s *schedule) at(n int) time.Duration {
	for len(s.times) <= n {
		s.times = slices.Grow(s.times, 256)
		s.next()
	}
	return s.times[n]
}

// next draws one arrival by thinning: candidates come at the highest rate and are kept with the share of it that
// the shape asks for at their time (Lewis and Shedler, 1979).
func (s *schedule) next() {
	for kept := 0; kept < s.every; {
		s.now += s.random.ExpFloat64() / (s.rate * float64(s.every) * mostShare)
		share := max(s.curve(math.Mod(s.now/s.period, 1)), leastShare)
		if s.random.Float64()*mostShare < share {
			kept++
		}
	}
	s.times = append(s.times, time.Duration(s.now*float64(time.Second)))
}
