package cause

import "slices"

// Rank orders causes whose checks are violated at the same time, the likeliest first. One that another of them brings about is a
// consequence, and comes after it; of those that nothing among them explains the first is that which explains most. Two that
// bring each other about, and two that have nothing to do with each other, keep their order. The argument is not changed.
func Rank(found []Cause) []Cause {
	ranked := slices.Clone(found)
	consequence := func(c Cause) int {
		if slices.ContainsFunc(found, func(by Cause) bool { return by.brings(c) && !c.brings(by) }) {
			return 1
		}
		return 0
	}
	explains := func(c Cause) (n int) {
		for _, other := range found {
			if c.brings(other) {
				n++
			}
		}
		return n
	}
	slices.SortStableFunc(ranked, func(a, b Cause) int {
		if d := consequence(a) - consequence(b); d != 0 {
			return d
		}
		return explains(b) - explains(a)
	})
	return ranked
}

func (c Cause) brings(other Cause) bool {
	return c.ID != other.ID && slices.Contains(c.Brings, other.ID)
}
