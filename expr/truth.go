package expr

import "fmt"

// Truth is a value of Kleene's three-valued logic.
type Truth uint8

const (
	// Unknown is what cannot be judged. It is the zero Truth.
	Unknown Truth = iota
	False
	True
)

// String returns "unknown", "false" or "true".
func (t Truth) String() string {
	switch t {
	case Unknown:
		return "unknown"
	case False:
		return "false"
	case True:
		return "true"
	default:
		return fmt.Sprintf("Truth(%d)", uint8(t))
	}
}

// Not returns the negation: Unknown of Unknown.
func (t Truth) Not() Truth { return [...]Truth{Unknown: Unknown, False: True, True: False}[t] }

// And returns the conjunction: False if either is, for then the other does not matter; else Unknown if either is.
func (t Truth) And(u Truth) Truth {
	if u.rank() < t.rank() {
		return u
	}
	return t
}

// Or returns the disjunction: True if either is, else Unknown if either is.
func (t Truth) Or(u Truth) Truth {
	if u.rank() > t.rank() {
		return u
	}
	return t
}

// rank orders False < Unknown < True, which makes a conjunction the least and a disjunction the greatest.
func (t Truth) rank() int8 { return [...]int8{Unknown: 1, False: 0, True: 2}[t] }
