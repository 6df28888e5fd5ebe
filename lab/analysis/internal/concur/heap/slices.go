package heap

import (
	"go/types"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/facts"
)

// unknownLen is the length of an unknown slice or map that is not empty and not of one element: with two of a kind,
// goroutines get into each other's way, and more add nothing but time.
const unknownLen = 2

// maxAppend is the length beyond which a slice is no longer appended to.
const maxAppend = 256

// Elements returns the elements of the slice v. The run chooses how many an unknown one has, so that everything that
// depends on it agrees. ok is false if v is no slice.
func (s *Space) Elements(v Value) (elems Slice, ok bool) { return s.elements(v, 1, 0, unknownLen) }

// SomeElements is like [Space.Elements] but leaves no slice empty: goroutines are started, one for each element, and that a
// pool of workers may have none is no news to anybody.
func (s *Space) SomeElements(v Value) (elems Slice, ok bool) { return s.elements(v, 1, unknownLen) }

func (s *Space) elements(v Value, lengths ...int) (Slice, bool) {
	switch v := v.(type) {
	case nil:
		return nil, true
	case Slice:
		return v, true
	case *facts.Term:
		st, ok := v.Type.Underlying().(*types.Slice)
		if !ok {
			return nil, false
		}
		d := s.details(v)
		if d.sized {
			return d.elems, true
		}
		d.sized = true
		if n, ok := s.Number(d.made); ok && n <= maxArray {
			for range n {
				d.elems = append(d.elems, s.unfilled(st.Elem(), d.made))
			}
		} else {
			for range lengths[s.path.Choose(len(lengths))] {
				d.elems = append(d.elems, s.Symbolic(st.Elem()))
			}
		}
		s.Escape(v)
		return d.elems, true
	}
	return nil, false
}

// unfilled returns an element of a slice that was made with that length. A channel which the program has not put there is not
// held to be nil where the length is a number from outside: the loop that fills the slice may go by another number, which is
// the same by a rule that is not seen.
func (s *Space) unfilled(elem types.Type, length Value) Value {
	if _, isChan := elem.Underlying().(*types.Chan); isChan && !facts.Scalar(length) {
		return s.Symbolic(elem)
	}
	return s.Zero(elem)
}

// MakeSlice returns a new slice of type t.
func (s *Space) MakeSlice(t types.Type, length, capacity Value) Value {
	n, ok1 := length.(int64)
	c, ok2 := capacity.(int64)
	if !ok1 || !ok2 || n < 0 || c < n || c > maxArray {
		u := s.NewTerm(t)
		s.details(u).made = length
		return u
	}
	v := make(Slice, n, max(c, 1))
	for i := range v {
		v[i] = s.Zero(t.Underlying().(*types.Slice).Elem())
	}
	return v
}

// IndexAddr returns the address of element index of x, a slice or a pointer to an array of type xt; the address has type t.
func (s *Space) IndexAddr(x Value, xt types.Type, index Value, t types.Type) Value {
	var elems []Value
	if _, ok := xt.Underlying().(*types.Slice); ok {
		v, ok := s.Elements(x)
		if !ok {
			return s.Fresh(t)
		}
		elems = v
	} else {
		c := s.Deref(x)
		if c == nil {
			s.path.Impossible()
			return nil
		}
		v, ok := (*c).(Array)
		if !ok {
			return s.Fresh(t)
		}
		elems = v
	}
	i, ok := facts.Plain(index).(int64)
	if u, isTerm := index.(*facts.Term); !ok && isTerm && facts.Quotient(u) {
		i, ok = s.Number(u)
	}
	if !ok {
		if len(elems) == 0 {
			return s.Fresh(t)
		}
		return &elems[s.someIndex(index, len(elems))]
	}
	if i < 0 || int(i) >= len(elems) {
		s.path.Impossible()
		return nil
	}
	return &elems[i]
}

// someIndex chooses one of n elements for an unknown index; the same index stays with its choice: what was put there is found there.
func (s *Space) someIndex(index Value, n int) int {
	u, ok := index.(*facts.Term)
	if !ok {
		return s.path.Choose(n)
	}
	d := s.details(u)
	if !d.placed || d.place >= n {
		d.placed, d.place = true, s.path.Choose(n)
	}
	return d.place
}

// Cut returns x[low:high:max] of type t, where x has type xt; a bound that is nil is left out.
func (s *Space) Cut(x Value, xt types.Type, low, high, max Value, t types.Type) Value {
	if text, ok := x.(string); ok {
		lo, ok1 := s.bound(low, 0)
		hi, ok2 := s.bound(high, len(text))
		if ok1 && ok2 && 0 <= lo && lo <= hi && hi <= len(text) {
			return text[lo:hi]
		}
		return s.Fresh(t)
	}
	elems, ok := s.sliceable(x, xt)
	if !ok {
		return s.Fresh(t)
	}
	lo, ok1 := s.bound(low, 0)
	hi, ok2 := s.bound(high, len(elems))
	top, ok3 := s.bound(max, cap(elems))
	if !ok1 || !ok2 || !ok3 {
		return s.Fresh(t)
	}
	if lo < 0 || lo > hi || hi > top || top > cap(elems) {
		s.path.Impossible()
		return nil
	}
	return elems[lo:hi:top]
}

func (s *Space) sliceable(x Value, xt types.Type) (Slice, bool) {
	if c, ok := x.(*Value); ok {
		a, ok := (*c).(Array)
		return Slice(a), ok
	}
	if _, ok := xt.Underlying().(*types.Slice); !ok {
		return nil, false
	}
	return s.Elements(x)
}

func (s *Space) bound(v Value, otherwise int) (int, bool) {
	if v == nil {
		return otherwise, true
	}
	i, ok := s.Number(v)
	return int(i), ok
}

// Append returns append(dst, more...) of type t. Where the model does not know, both escape.
func (s *Space) Append(dst, more Value, t types.Type) Value {
	elems, ok := s.Elements(dst)
	if !ok || len(elems) > maxAppend {
		s.Escape(dst, more)
		return dst
	}
	add, ok := s.Elements(more)
	if !ok { // append([]byte, string...)
		return s.Fresh(t)
	}
	if _, isTerm := dst.(*facts.Term); isTerm {
		elems = append(Slice(nil), elems...)
	}
	for _, v := range add {
		elems = append(elems, Copy(v))
	}
	return elems
}

// CopyElements is the builtin copy.
func (s *Space) CopyElements(dst, src Value) Value {
	to, ok1 := dst.(Slice)
	from, ok2 := src.(Slice)
	if ok1 && ok2 {
		return int64(copy(to, from))
	}
	s.Escape(src)
	return s.NewTerm(types.Typ[types.Int])
}
