package plan

import (
	"cmp"
	"slices"

	"github.com/falsifiable/stability/signals"
)

// mostJoined bounds how many combinations of faults are tried.
const mostJoined = 120

// mostRaised bounds how many of them are tried again with one of their faults several times as strong.
const mostRaised = 8

// joined tries several faults together: one for each comparison that is not true by itself, with the parameters that make
// that comparison true alone.
func (s *solver) joined() []candidate {
	if !conjunction(s.logic) || len(s.logic.Comparisons()) == 1 {
		return nil
	}
	combinations := []candidate{{}}
	for _, leaf := range s.leaves() {
		if _, holds := leaf.fires(nil, 0); holds {
			continue
		}
		choices := s.choices(leaf)
		if len(choices) == 0 {
			return nil
		}
		var more []candidate
		for _, c := range combinations {
			for _, choice := range choices {
				more = append(more, c.and(choice))
			}
		}
		slices.SortStableFunc(more, func(a, b candidate) int { return cmp.Compare(a.price, b.price) })
		combinations = more[:min(len(more), mostJoined)]
	}
	for _, c := range combinations {
		if made, ok := s.together(c); ok {
			return []candidate{made}
		}
	}
	for _, c := range combinations[:min(len(combinations), mostRaised)] {
		for _, louder := range s.raised(c) {
			if made, ok := s.together(louder); ok {
				return []candidate{made}
			}
		}
	}
	return nil
}

func (s *solver) together(c candidate) (candidate, bool) {
	made, ok := s.try(s.laboratory, c.orders, s.world.Limit)
	made.price, made.spoken = c.price, c.spoken
	return made, ok
}

// raised are the combination with one of its orders several times as strong: what makes one comparison true may raise the
// threshold of another.
func (s *solver) raised(c candidate) (all []candidate) {
	for i, o := range c.orders {
		for _, factor := range []float64{4, 16, 64} {
			if settings, changed := multiplied(o.Fault, o.Settings, knobs(o.Fault, s.laboratory), factor); changed {
				louder := c
				louder.orders = slices.Clone(c.orders)
				louder.orders[i].Settings = settings
				all = append(all, louder)
			}
		}
	}
	return all
}

// choices are the ways to make one comparison true: by faults, and only if there is none by speaking for its signals.
func (s *solver) choices(leaf *laboratory) (all []candidate) {
	all = s.faults(leaf, [][]signals.ID{leaf.logic.Signals})
	for _, o := range s.options {
		if !speaks(o.Fault) {
			continue
		}
		for _, id := range leaf.logic.Signals {
			if c, ok := s.speak(o, s.schema.Desc(id), leaf); ok && (len(all) == 0 || s.unmoved(id)) {
				all = append(all, c)
			}
		}
	}
	if len(all) == 0 && len(leaf.logic.Signals) == 2 {
		all = s.pair(leaf)
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(a.price, b.price) })
	return all
}

// pair lets stand-ins speak for both signals of a comparison: the mean of what never happens is known only when both move.
func (s *solver) pair(leaf *laboratory) (all []candidate) {
	for _, o := range s.options {
		if !speaks(o.Fault) {
			continue
		}
		left, right := s.schema.Desc(leaf.logic.Signals[0]), s.schema.Desc(leaf.logic.Signals[1])
		for _, settings := range words(left, leaf) {
			orders := []Order{{o.Fault, o.Place, settings}, {o.Fault, o.Place, busily(right)}}
			if c, ok := s.try(leaf, orders, leaf.soon()); ok {
				c.spoken, c.price = []string{left.Name, right.Name}, 20_000
				return []candidate{c}
			}
		}
	}
	return nil
}

// and returns the orders of both, an order for the same fault in the same place being one: that of the first.
func (c candidate) and(other candidate) candidate {
	joined := candidate{price: c.price + other.price, orders: append([]Order(nil), c.orders...), spoken: append([]string(nil), c.spoken...)}
	for _, o := range other.orders {
		same := false
		for _, have := range c.orders {
			same = same || have.Fault.Name == o.Fault.Name && have.Place == o.Place && have.Settings["signal"] == o.Settings["signal"] &&
				have.Settings["where"] == o.Settings["where"]
		}
		if !same {
			joined.orders = append(joined.orders, o)
		}
	}
	slices.SortStableFunc(joined.orders, func(a, b Order) int { return cmp.Compare(a.Fault.Name, b.Fault.Name) })
	for _, name := range other.spoken {
		if !slices.Contains(joined.spoken, name) {
			joined.spoken = append(joined.spoken, name)
		}
	}
	return joined
}
