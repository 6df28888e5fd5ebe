package heap

import (
	"go/types"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/facts"
)

const (
	// maxKeys is the number of keys of a map beyond which an unknown key is not compared with each of them.
	maxKeys = 8
	// maxRounds is how often a range over a map goes round of which nobody knows the size.
	maxRounds = 2
)

// find returns the place of key k, or -1. It counts as work: a map that grows from round to round must not make a run take
// longer than another of as many steps (archive/zip has such).
func (m *Map) find(s *Space, k Value) int {
	s.Steps += len(m.Keys)
	for i := range m.Keys {
		if equal, known := s.Identical(m.Keys[i], k); equal && known {
			return i
		}
	}
	return -1
}

// MapUpdate is x[k] = v.
func (s *Space) MapUpdate(x, k, v Value) {
	switch m := x.(type) {
	case *Map:
		if i := m.find(s, k); i >= 0 {
			m.Vals[i] = v
			return
		}
		m.Keys = append(m.Keys, k)
		m.Vals = append(m.Vals, v)
	case nil:
		s.path.Impossible()
	default:
		s.mapChanged(x)
		s.Escape(k, v)
	}
}

func (s *Space) mapChanged(x Value) {
	if u, ok := x.(*facts.Term); ok {
		s.details(u).changed = true
	}
}

// Delete is delete(x, k).
func (s *Space) Delete(x, k Value) {
	m, ok := x.(*Map)
	if !ok {
		s.mapChanged(x)
		return
	}
	if i := m.find(s, k); i >= 0 {
		m.Keys = append(m.Keys[:i:i], m.Keys[i+1:]...)
		m.Vals = append(m.Vals[:i:i], m.Vals[i+1:]...)
	}
}

// Clear is clear(x).
func (s *Space) Clear(x Value) {
	if m, ok := x.(*Map); ok {
		m.Keys, m.Vals = nil, nil
		return
	}
	s.mapChanged(x)
}

// Entries returns how many entries an unknown map has; false if the program has changed that.
func (s *Space) Entries(u *facts.Term) (int, bool) {
	d := s.details(u)
	if d.changed {
		return 0, false
	}
	if !d.counted {
		d.counted = true
		d.entries = [3]int{1, 0, unknownLen}[s.path.Choose(3)]
	}
	return d.entries, true
}

// Lookup returns x[k] of type elem, and whether it is there, where x is a map, or a string.
func (s *Space) Lookup(x, k Value, elem types.Type, commaOk bool) (v Value, ok bool) {
	switch x := x.(type) {
	case nil:
		return s.Zero(elem), false
	case *Map:
		return s.lookup(x, k, elem)
	case string:
		if i, ok := k.(int64); ok {
			if i < 0 || int(i) >= len(x) {
				s.path.Impossible()
				return int64(0), true
			}
			return int64(x[i]), true
		}
	case *facts.Term:
		d := s.details(x)
		if !d.changed {
			for i, key := range d.keys {
				if equal, known := s.Identical(key, k); equal && known {
					return Copy(d.vals[i]), true
				}
			}
		}
		if commaOk && s.path.Choose(2) == 1 {
			return s.Zero(elem), false
		}
	}
	return s.Fresh(elem), true
}

// lookup finds k in a known map. An unknown key may be any of those that it was not found to differ from, or none.
func (s *Space) lookup(m *Map, k Value, elem types.Type) (Value, bool) {
	if i := m.find(s, k); i >= 0 {
		return Copy(m.Vals[i]), true
	}
	if _, ok := facts.Plain(k).(*facts.Term); ok {
		var may []int
		for i, key := range m.Keys[:min(len(m.Keys), maxKeys)] {
			if !s.differ(key, k) {
				may = append(may, i)
			}
		}
		n := s.path.Choose(len(may)+1) - 1
		for i, at := range may {
			if (n == i || n < 0) && facts.Operand(m.Keys[at]) {
				s.DecideEqual(m.Keys[at], k, n == i)
			}
		}
		if n >= 0 {
			return Copy(m.Vals[may[n]]), true
		}
	}
	return s.Zero(elem), false
}

// Iterator is what a range over a map or a string holds.
type Iterator struct {
	keys, vals []Value
	of         *Map
	unknown    *facts.Term
	rounds     int
}

// Trace tells what the iterator keeps alive.
func (it *Iterator) Trace(t Tracer) {
	if it.of != nil {
		t.Mark(it.of)
	}
}

// Range begins a range over x.
func (s *Space) Range(x Value) *Iterator {
	switch x := x.(type) {
	case *Map:
		return &Iterator{keys: append([]Value(nil), x.Keys...), of: x}
	case string:
		it := &Iterator{}
		for i, r := range x {
			it.keys = append(it.keys, int64(i))
			it.vals = append(it.vals, int64(r))
		}
		return it
	case *facts.Term:
		return &Iterator{unknown: x}
	}
	return &Iterator{}
}

// Next returns the next round's tuple of type t: whether there is one, key, value.
func (s *Space) Next(it *Iterator, t *types.Tuple) Tuple {
	key, val := t.At(1).Type(), t.At(2).Type()
	if it.unknown != nil {
		return s.nextUnknown(it, key, val)
	}
	for it.rounds < len(it.keys) {
		k := it.keys[it.rounds]
		it.rounds++
		if it.of == nil {
			return Tuple{true, k, it.vals[it.rounds-1]}
		}
		if i := it.of.find(s, k); i >= 0 { // not deleted meanwhile
			return Tuple{true, k, Copy(it.of.Vals[i])}
		}
	}
	return Tuple{false, s.Zero(key), s.Zero(val)}
}

func (s *Space) nextUnknown(it *Iterator, key, val types.Type) Tuple {
	it.rounds++
	n, ok := s.Entries(it.unknown)
	if it.rounds > n && ok || !ok && (it.rounds > maxRounds || s.path.Choose(2) == 1) {
		return Tuple{false, s.Zero(key), s.Zero(val)}
	}
	if m, isMap := it.unknown.Type.Underlying().(*types.Map); isMap && ok {
		return s.entry(it.unknown, it.rounds-1, m)
	}
	return Tuple{true, s.freshOrBlank(key), s.freshOrBlank(val)}
}

// freshOrBlank is an unknown value of type t. The blank variables of a range have the invalid type.
func (s *Space) freshOrBlank(t types.Type) Value {
	if t == types.Typ[types.Invalid] {
		return nil
	}
	return s.Fresh(t)
}

// entry returns what a range over the unknown map u meets at place n: the same each time.
func (s *Space) entry(u *facts.Term, n int, t *types.Map) Tuple {
	d := s.details(u)
	for len(d.keys) <= n {
		d.keys = append(d.keys, s.Fresh(t.Key()))
		d.vals = append(d.vals, s.Fresh(t.Elem()))
	}
	return Tuple{true, d.keys[n], Copy(d.vals[n])}
}
