package stability

import "time"

// Point is one judgment of a check: the two sides of its comparison, on the instance that was worst.
type Point struct {
	Age       time.Duration `json:"age"` // monotonic, of the monitor
	Value     *float64      `json:"value,omitempty"`
	Threshold *float64      `json:"threshold,omitempty"`
	State     State         `json:"state"`
}

// pointsKept bounds the history of a check: an hour at the default interval. It takes six kilobytes.
const pointsKept = 120

// remember notes what an evaluation found, of the worst instance.
func (k *check) remember(now time.Duration) {
	var worst *instance
	for _, in := range k.instances.list {
		if worst == nil || in.state.rank() > worst.state.rank() {
			worst = in
		}
	}
	if worst == nil {
		return
	}
	if k.history == nil {
		k.history = make([]point, 0, pointsKept)
	}
	p := point{now, worst.value, worst.threshold, worst.state}
	if len(k.history) < pointsKept {
		k.history = append(k.history, p)
		return
	}
	k.history[k.oldest] = p
	k.oldest = (k.oldest + 1) % pointsKept
}

// point is a Point without pointers.
type point struct {
	age              time.Duration
	value, threshold float64
	state            State
}

// History returns the latest judgments of a check, oldest first; nil if there is no such check.
func (m *Monitor) History(contract, check string) []Point {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.contracts[contract]
	if c == nil {
		return nil
	}
	for _, k := range c.checks {
		if k.Name != check {
			continue
		}
		points := make([]Point, 0, len(k.history))
		for i := range k.history {
			p := k.history[(k.oldest+i)%len(k.history)]
			points = append(points, Point{p.age, finite(p.value), finite(p.threshold), p.state})
		}
		return points
	}
	return nil
}
