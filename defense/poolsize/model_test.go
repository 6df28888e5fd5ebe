package poolsize

import (
	"math/rand/v2"
	"testing"
	"time"
)

// model is a service of users who think, ask for a connection and use it, on a database that serves so many connections at
// once without loss; with more of them all get slower, and more than in proportion (R65).
type model struct {
	users, capacity float64
	think, service  float64 // seconds
	noise           float64 // relative, of what is observed
	rand            *rand.Rand
}

func (m model) latency(inUse float64) float64 {
	over := max(inUse/m.capacity, 1)
	return m.service * over * over
}

// observe returns what a pool of that size shows. It is the closed queueing network's fluid limit.
func (m model) observe(open int) Observation {
	inUse := float64(open)
	rate := inUse / m.latency(inUse)
	waiting := m.users - rate*m.think - inUse
	if waiting < 0 { // not saturated: find how many connections are in use
		low, high := 0.0, inUse
		for range 60 {
			inUse = (low + high) / 2
			if m.users/(m.think+m.latency(inUse))*m.latency(inUse) > inUse {
				low = inUse
			} else {
				high = inUse
			}
		}
		waiting, rate = 0, m.users/(m.think+m.latency(inUse))
	}
	wobble := func(v float64) float64 {
		if m.noise == 0 {
			return v
		}
		return v * (1 + m.noise*(2*m.rand.Float64()-1))
	}
	return Observation{
		Waiting: wobble(waiting), InUse: min(open, int(inUse+0.999)), Rate: wobble(rate),
		Latency: time.Duration(wobble(m.latency(inUse)) * float64(time.Second)),
	}
}

// best returns the size with the highest rate, and that rate.
func (m model) best(limit int) (open int, rate float64) {
	m.noise = 0
	for n := 1; n <= limit; n++ {
		if r := m.observe(n).Rate; r > rate {
			open, rate = n, r
		}
	}
	return open, rate
}

// standing returns the size that is kept if the experiment under way fails.
func standing(c *Controller) int {
	if c.trial != nil {
		return c.trial.from
	}
	return c.open
}

// From any start within 5 % of the best in two minutes, and on the way in the mean never 3 % worse than at the start.
func TestTheControllerFindsTheBestSizeInTwoMinutes(t *testing.T) {
	const limit, intervals = 60, 60 // of 2 s each
	for name, m := range map[string]model{
		"small database":  {users: 200, capacity: 8, think: 0.1, service: 0.01},
		"large database":  {users: 500, capacity: 40, think: 0.1, service: 0.02},
		"light load":      {users: 20, capacity: 16, think: 0.1, service: 0.01},
		"as many as fits": {users: 1000, capacity: 200, think: 0.1, service: 0.02},
	} {
		best, rate := m.best(limit)
		for _, start := range []int{2, 5, 8, 15, 25, 40, 60} {
			c := NewController(Config{MaxOpen: limit, MaxStep: 8}, start)
			sum := 0.0
			for range intervals {
				o := m.observe(c.Setting().MaxOpen)
				c.Step(o)
				sum += o.Rate / intervals
			}
			first, end := m.observe(start).Rate, m.observe(standing(c)).Rate
			t.Logf("%s: from %d to %d, the best is %d: %.0f/s, %.0f/s, the best %.0f/s; in the mean %.0f/s",
				name, start, standing(c), best, first, end, rate, sum)
			if end < 0.95*rate {
				t.Errorf("%s, from %d: ends at %d with %.0f/s, the best is %d with %.0f/s", name, start, standing(c), end, best, rate)
			}
			if sum < 0.97*first {
				t.Errorf("%s, from %d: %.0f/s in the mean, %.0f/s at the start", name, start, sum, first)
			}
		}
	}
}
