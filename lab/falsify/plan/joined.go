package plan

import (
	"cmp"
	"slices"

	"github.com/falsifiable/stability/signals"
)

// mostJoined bounds how many combinations of faults are tried.
const mostJoined = 120

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
		if made, ok := s.try(s.laboratory, c.orders, s.world.Limit); ok {
			made.price, made.spoken = c.price, c.spoken
			return []candidate{made}
		}
	}
	return nil
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
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(a.price, b.price) })
	return all
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
	joined.spoken = append(joined.spoken, other.spoken...)
	return joined
}
