package facts

import (
	"go/types"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/arena"
)

// Path is the run whose suppositions a Solver keeps.
type Path interface {
	// Choose returns one of n ways to go on, 0 to n-1, the usual one first.
	Choose(n int) int
	// Impossible ends the run: what it has supposed contradicts itself.
	Impossible()
}

// Solver keeps the suppositions of one run after the other. It is not safe for concurrent use.
type Solver struct {
	path  Path
	terms arena.Pool[Term]
	known map[Formula]*Term
	ids   int
	enums map[*types.Named][]any // the constants of types, for all runs
}

// Begin forgets everything, for a run that takes its choices from path. Terms of earlier runs are no longer good.
func (s *Solver) Begin(path Path) {
	s.path, s.ids = path, 0
	s.terms.Recycle()
	s.known = arena.Emptied(s.known)
}

// NewTerm returns an unknown value of type t.
func (s *Solver) NewTerm(t types.Type) *Term {
	s.ids++
	u := &s.terms.Take(1)[0]
	u.ID, u.Type = s.ids, t
	return u
}

// Expr returns the one term that stands for the formula.
func (s *Solver) Expr(f Formula, t types.Type) *Term {
	if u := s.known[f]; u != nil {
		return u
	}
	u := s.NewTerm(t)
	u.formula = f
	s.known[f] = u
	return u
}

// Answered returns the term that is remembered as the answer f, or nil.
func (s *Solver) Answered(f Formula) *Term { return s.known[f] }

// NewAnswer returns a new term for the answer f, which asker has asked for. If remember is set, whoever asks again gets it
// from [Solver.Answered]; else only after it was made a number.
func (s *Solver) NewAnswer(f Formula, t types.Type, asker any, remember bool) *Term {
	u := s.NewTerm(t)
	u.formula, u.Asker = f, asker
	if remember {
		s.known[f] = u
	}
	return u
}

// Not returns the negation of a condition.
func (s *Solver) Not(v any) any {
	switch v := v.(type) {
	case bool:
		return !v
	case *Term:
		if v.decided {
			return !v.outcome
		}
		return s.Expr(Formula{Not, v, nil}, v.Type)
	}
	return v
}

// Equal returns whether x and y are equal, as a bool or a condition. One of them is a term, and both are operands.
func (s *Solver) Equal(x, y any, t types.Type) any {
	switch {
	case apart(x, y):
		return false
	case same(x, y):
		return true
	}
	x, y = inOrder(x, y)
	return outcomeOf(s.Expr(Formula{Equal, x, y}, t))
}

// EqualDecided returns what the run has supposed about the equality of x and y, if anything.
func (s *Solver) EqualDecided(x, y any) (equal, known bool) {
	x, y = inOrder(x, y)
	if u := s.known[Formula{Equal, x, y}]; u != nil && u.decided {
		return u.outcome, true
	}
	return false, false
}

// outcomeOf returns the outcome of a condition if that is settled, else the condition.
func outcomeOf(u *Term) any {
	if u.decided {
		return u.outcome
	}
	return u
}

// Follows returns the outcome of a condition, where it follows from what the run has supposed since it was computed.
func (s *Solver) Follows(c *Term) (outcome, known bool) {
	if c.decided {
		return c.outcome, true
	}
	x, y := Plain(c.formula.X), Plain(c.formula.Y)
	switch c.formula.Op {
	case Not:
		if u, ok := c.formula.X.(*Term); ok {
			outcome, known = s.Follows(u)
			return !outcome, known
		}
	case Less:
		return s.lessFollows(c, x, y)
	case Equal:
		return s.equalFollows(c, x, y)
	}
	return false, false
}

func (s *Solver) lessFollows(c *Term, x, y any) (outcome, known bool) {
	if outcome, known = less(x, y); known {
		return outcome, true
	}
	if s.decidedAs(Less, y, x, true) || s.decidedAs(Equal, x, y, true) {
		return false, true
	}
	if s.decidedAs(Less, y, x, false) && s.decidedAs(Equal, x, y, false) && c.ofIntegers() {
		return true, true
	}
	return false, false
}

func (s *Solver) equalFollows(c *Term, x, y any) (outcome, known bool) {
	if equal, known := s.Identical(x, y); known {
		return equal, true
	}
	if apart(x, y) || s.decidedAs(Less, x, y, true) || s.decidedAs(Less, y, x, true) {
		return false, true
	}
	if same(x, y) || s.decidedAs(Less, x, y, false) && s.decidedAs(Less, y, x, false) && c.ofIntegers() {
		return true, true
	}
	return false, false
}

// Identical reports whether the operands x and y are equal; known is false where the run has not supposed anything.
func (s *Solver) Identical(x, y any) (equal, known bool) {
	tx, ok := x.(*Term)
	ty, both := y.(*Term)
	switch {
	case ok && both:
		if tx == ty {
			return true, true
		}
	case ok:
		if equal, known := tx.is(y); known {
			return equal, true
		}
	case both:
		if equal, known := ty.is(x); known {
			return equal, true
		}
	default:
		return x == y, true
	}
	return s.EqualDecided(x, y)
}

// is tells whether t equals v, which is no term.
func (t *Term) is(v any) (equal, known bool) {
	if v == nil && t.nilness != Unasked {
		return t.nilness == Nil, true
	}
	if t.equal != nil && Scalar(v) {
		return t.equal == v, true
	}
	return false, false
}

// decidedAs tells whether the run has supposed that the outcome of x op y is as said.
func (s *Solver) decidedAs(op Op, x, y any, outcome bool) bool {
	if op == Equal {
		x, y = inOrder(x, y)
	}
	u := s.known[Formula{op, x, y}]
	return u != nil && u.decided && u.outcome == outcome
}

// ofIntegers tells whether a comparison is one of integers.
func (t *Term) ofIntegers() bool {
	for _, v := range []any{t.formula.X, t.formula.Y} {
		if u, ok := v.(*Term); ok {
			return IsInteger(u.Type)
		}
	}
	return false
}

// Decided returns the outcome of a condition if it is settled.
func (t *Term) Decided() (outcome, known bool) { return t.outcome, t.decided }

// Decide settles the outcome of a condition, and what that tells about its operands.
func (s *Solver) Decide(c *Term, outcome bool) {
	c.decided, c.outcome = true, outcome
	s.learn(c)
}

// Condition returns the outcome of a condition, and settles it if nothing else has: ok is false if v is none.
func (s *Solver) Condition(v any) (outcome, ok bool) {
	switch v := v.(type) {
	case bool:
		return v, true
	case *Term:
		if !v.decided {
			outcome, known := s.Follows(v)
			if !known {
				outcome = s.path.Choose(2) == 1
			}
			s.Decide(v, outcome)
		}
		return v.outcome, true
	}
	return false, false
}

// DecideEqual supposes that x and y are equal, or that they are not.
func (s *Solver) DecideEqual(x, y any, equal bool) {
	if c, ok := s.Equal(x, y, types.Typ[types.Bool]).(*Term); ok && !c.decided {
		s.Decide(c, equal)
	}
}

// Differ tells whether it follows that x and y are not equal.
func (s *Solver) Differ(x, y any) bool {
	if equal, known := s.Identical(x, y); known {
		return !equal
	}
	switch c := s.Equal(x, y, types.Typ[types.Bool]).(type) {
	case bool:
		return !c
	case *Term:
		outcome, known := s.Follows(c)
		return known && !outcome
	}
	return false
}

// learn records what the outcome of a condition tells about its operands.
func (s *Solver) learn(c *Term) {
	f := c.formula
	switch f.Op {
	case Not:
		if x, ok := f.X.(*Term); ok && !x.decided {
			s.Decide(x, !c.outcome)
		}
	case Less:
		relate(c, f.X, f.Y)
		if !orderNumbers(f.X, f.Y, c.outcome) {
			s.path.Impossible()
		}
	case Equal:
		relate(c, f.X, f.Y)
		if !equateNumbers(f.X, f.Y, c.outcome) {
			s.path.Impossible()
		}
		if u, ok := f.X.(*Term); ok {
			if f.Y == nil {
				u.SetNil(c.outcome)
			} else if c.outcome && Scalar(f.Y) {
				u.equal = f.Y
			} else if !c.outcome && s.isNone(u) {
				s.path.Impossible()
			}
		}
	}
}
