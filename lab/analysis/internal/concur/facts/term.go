// Package facts keeps what one run of the model has supposed about values that it does not know, and tells what follows: a
// condition that occurs twice has one outcome, a number above one is not below one at the next question, and what is computed
// from the same parts is the same.
//
// Its operands are known scalars (bool, int64 for all integer types, float64, string), nil, and unknown ones, which are
// [*Term]. It knows no pointers, structs or channels; whoever uses it may hang such things on a Term.
package facts

import (
	"go/token"
	"go/types"
)

// Term is one unknown value. All that a run supposes about it is remembered here.
type Term struct {
	// ID orders the terms of a run by their making.
	ID   int
	Type types.Type
	// Data is for the user of the solver.
	Data any
	// Asker tells which call returned it, if its formula has the operator [Answer].
	Asker any

	nilness   Nilness
	decided   bool // of a condition: outcome is settled
	outcome   bool
	equal     any       // the scalar that it was found equal to
	bounds    *Interval // where it was found to lie; nil for anywhere
	not       []int64   // numbers that it was found not to be
	relations []*Term   // settled comparisons of it with other unknown numbers
	formula   Formula   // how it was computed
}

// Nilness is whether a term was supposed to be nil.
type Nilness uint8

// The states of a term that may be nil.
const (
	Unasked Nilness = iota
	Nil
	NotNil
)

// Nilness tells whether t was supposed to be nil.
func (t *Term) Nilness() Nilness { return t.nilness }

// SetNil supposes that t is nil, or that it is not.
func (t *Term) SetNil(isNil bool) {
	t.nilness = NotNil
	if isNil {
		t.nilness = Nil
	}
}

// Formula returns how t was computed; the zero Formula if it comes from outside.
func (t *Term) Formula() Formula { return t.formula }

// Op is an operator of a formula.
type Op uint8

// The operators. Other comparisons are made of Less, Equal and Not.
const (
	None Op = iota
	Not
	Less
	Equal
	Add
	Sub
	Mul
	Quo
	Rem
	And
	Or
	Xor
	AndNot
	ShiftLeft
	ShiftRight
	// Len is the length of X, about which nothing else is known.
	Len
	// Answer is what function X returned for Y.
	Answer
)

// arithmetic translates the operators of Go that compute a number.
var arithmetic = map[token.Token]Op{
	token.ADD: Add, token.SUB: Sub, token.MUL: Mul, token.QUO: Quo, token.REM: Rem, token.AND: And, token.OR: Or,
	token.XOR: Xor, token.AND_NOT: AndNot, token.SHL: ShiftLeft, token.SHR: ShiftRight,
}

// OpOf returns the operator that computes a number as the binary operator of Go does; None for comparisons.
func OpOf(tok token.Token) Op { return arithmetic[tok] }

// Formula says how a term was computed. Two terms with the same formula are one.
type Formula struct {
	Op   Op
	X, Y any
}

// Operand tells whether v is something the solver can work with.
func Operand(v any) bool {
	_, ok := v.(*Term)
	return ok || v == nil || Scalar(v)
}

// Scalar tells whether v is a known scalar.
func Scalar(v any) bool {
	switch v.(type) {
	case bool, int64, float64, string:
		return true
	}
	return false
}

// Plain returns the scalar that v was found equal to, or v.
func Plain(v any) any {
	if t, ok := v.(*Term); ok && t.equal != nil {
		return t.equal
	}
	return v
}

// inOrder returns x and y, of which one is a term, such that x == y and y == x are the same question.
func inOrder(x, y any) (any, any) {
	tx, ok := x.(*Term)
	if ty, both := y.(*Term); !ok || both && ty.ID < tx.ID {
		return y, x
	}
	return x, y
}

// IsInteger tells whether t is an integer type.
func IsInteger(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsInteger != 0
}

func unsigned(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsUnsigned != 0
}
