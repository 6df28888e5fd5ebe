package facts

import (
	"go/types"
	"math"
)

// Wrap reduces v to the width of the integer type t.
func Wrap(v int64, t types.Type) int64 {
	b, ok := t.Underlying().(*types.Basic)
	if !ok {
		return v
	}
	switch b.Kind() {
	case types.Int8:
		return int64(int8(v))
	case types.Int16:
		return int64(int16(v))
	case types.Int32:
		return int64(int32(v))
	case types.Uint8:
		return int64(uint8(v))
	case types.Uint16:
		return int64(uint16(v))
	case types.Uint32:
		return int64(uint32(v))
	}
	return v
}

// maxText is the longest string that is computed.
const maxText = 1 << 12

// Compute returns x op y, whose operands are of type operands and whose result is of type t: a scalar, or the term that
// stands for it; nil if the solver knows nothing to say. The operator computes a number or is Less.
func (s *Solver) Compute(op Op, operands types.Type, x, y any, t types.Type) any {
	switch a := x.(type) {
	case int64:
		if b, ok := y.(int64); ok {
			return s.integers(op, operands, a, b, t)
		}
	case float64:
		if b, ok := y.(float64); ok {
			return floats(op, a, b)
		}
	case string:
		if b, ok := y.(string); ok {
			switch {
			case op == Add && len(a)+len(b) < maxText:
				return a + b
			case op == Less:
				return a < b
			}
		}
	}
	if op == Less {
		if outcome, known := less(x, y); known {
			return outcome
		}
	}
	if Operand(x) && Operand(y) {
		return outcomeOf(s.Expr(Formula{op, x, y}, t))
	}
	return nil
}

// integers computes with known integers; nil for what it does not know.
func (s *Solver) integers(op Op, operands types.Type, a, b int64, t types.Type) any {
	uns := unsigned(operands)
	switch op {
	case Add:
		return Wrap(a+b, t)
	case Sub:
		return Wrap(a-b, t)
	case Mul:
		return Wrap(a*b, t)
	case Quo, Rem:
		return s.divide(op, uns, a, b, t)
	case And:
		return a & b
	case Or:
		return a | b
	case Xor:
		return Wrap(a^b, t)
	case AndNot:
		return a &^ b
	case ShiftLeft:
		if b < 0 || b > 63 {
			return int64(0)
		}
		return Wrap(a<<uint(b), t)
	case ShiftRight:
		if b < 0 || b > 63 {
			return int64(0)
		}
		if uns {
			return int64(uint64(a) >> uint(b))
		}
		return a >> uint(b)
	case Less:
		if uns {
			return uint64(a) < uint64(b)
		}
		return a < b
	}
	return nil
}

// divide computes a quotient or a remainder. A division by zero ends the run: what comes of it is not about concurrency.
func (s *Solver) divide(op Op, uns bool, a, b int64, t types.Type) any {
	if b == 0 || (a == math.MinInt64 && b == -1) {
		s.path.Impossible()
		return int64(0)
	}
	switch {
	case uns && op == Quo:
		return Wrap(int64(uint64(a)/uint64(b)), t)
	case uns:
		return Wrap(int64(uint64(a)%uint64(b)), t)
	case op == Quo:
		return Wrap(a/b, t)
	}
	return Wrap(a%b, t)
}

func floats(op Op, a, b float64) any {
	switch op {
	case Add:
		return a + b
	case Sub:
		return a - b
	case Mul:
		return a * b
	case Quo:
		return a / b
	case Less:
		return a < b
	}
	return nil
}
