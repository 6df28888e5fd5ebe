package facts

// Number returns v as a number. A parameter or the like becomes one or two for the rest of the run, so that the loop that
// starts as many goroutines and the loop that waits for as many agree; so does the result of a call, here and where the same
// is asked again. Sums and products follow from their parts.
func (s *Solver) Number(v any) (int64, bool) { return s.number(v, formulaDepth) }

func (s *Solver) number(v any, depth int) (int64, bool) {
	u, ok := v.(*Term)
	if !ok {
		n, ok := v.(int64)
		return n, ok
	}
	if n, ok := u.equal.(int64); ok {
		return n, true
	}
	var n int64
	switch f := u.formula; f.Op {
	case None, Len, Answer:
		r := u.within()
		n = min(max(int64(1+s.path.Choose(2)), r.Lo), r.Hi)
	case Add, Sub, Mul, Quo, Rem, ShiftLeft, ShiftRight:
		if depth == 0 {
			return 0, false
		}
		x, ok1 := s.number(f.X, depth-1)
		y, ok2 := s.number(f.Y, depth-1)
		if !ok1 || !ok2 {
			return 0, false
		}
		if n, ok = s.integers(f.Op, u.Type, x, y, u.Type).(int64); !ok {
			return 0, false
		}
	default:
		return 0, false
	}
	u.equal = n
	relations := u.relations
	u.relations = nil
	for _, c := range relations {
		s.learn(c)
	}
	if u.formula.Op == Answer {
		s.known[u.formula] = u
	}
	return n, true
}

// RoomForOne supposes that v, from outside, is one at least, unless it is known to be less.
func RoomForOne(v any) {
	if u, ok := v.(*Term); ok && u.formula == (Formula{}) {
		AtLeastOne(u)
	}
}

// AtLeastOne supposes that the number v is one at least, unless it is known to be less.
func AtLeastOne(v any) {
	if u, ok := v.(*Term); ok && u.within().Hi > 0 {
		linear{of: u, sign: 1}.restrict(Interval{1, everything.Hi})
	}
}

// Measure makes numbers of the operands of a comparison that are products, quotients and the like, so that all that is
// computed from the same parts agrees: at the end of a loop those of any kind, elsewhere what is divided by an unknown.
func (s *Solver) Measure(c *Term, loop bool) {
	switch f := c.formula; f.Op {
	case Not:
		if u, ok := f.X.(*Term); ok {
			s.Measure(u, loop)
		}
	case Less, Equal:
		for _, v := range []any{f.X, f.Y} {
			if l, ok := linearOf(v); ok && l.of != nil && compound(l.of, loop, formulaDepth) {
				s.Number(v)
			}
		}
	}
}

// Quotient tells whether u is computed by a division by an unknown.
func Quotient(u *Term) bool { return compound(u, false, formulaDepth) }

func compound(u *Term, loop bool, depth int) bool {
	switch f := u.formula; f.Op {
	case Mul, Add, Sub, ShiftLeft, ShiftRight:
		return loop || compoundParts(f, loop, depth-1)
	case Quo, Rem:
		if y, ok := f.Y.(*Term); ok && y.equal == nil {
			return true
		}
		return loop || compoundParts(f, loop, depth-1)
	}
	return false
}

func compoundParts(f Formula, loop bool, depth int) bool {
	for _, v := range []any{f.X, f.Y} {
		if u, ok := v.(*Term); ok && u.equal == nil && depth > 0 && compound(u, loop, depth) {
			return true
		}
	}
	return false
}
