package expr

// op is what one instruction does.
type op uint8

const (
	opConst op = iota
	opRead
	opBaseline

	opNegate
	opAbs
	opAdd
	opSubtract
	opMultiply
	opDivide
	opMin
	opMax

	opRate
	opDelta
	opMean
	opMinimum
	opMaximum
	opQuantile
	opDeviation
	opTheilSen
	opMannKendall

	opEqual
	opUnequal
	opLess
	opLessEqual
	opGreater
	opGreaterEqual

	opNot
	opAnd
	opOr
	opSkipFalse // the rest of a conjunction whose left side is false
	opSkipTrue  // the rest of a disjunction whose left side is true
)

// instr is one instruction. Numbers live on one small stack, conditions on another.
type instr struct {
	op    op
	pops  bool    // the right operand is the top of the stack, not value
	arg   uint16  // operand, window, baseline, comparison, or the instruction to skip to
	value float64 // constant, or the share of a quantile
}

var binaryOps = map[kind]op{
	plus: opAdd, minus: opSubtract, times: opMultiply, divided: opDivide,
	equal: opEqual, unequal: opUnequal,
	less: opLess, lessEqual: opLessEqual, greater: opGreater, greaterEqual: opGreaterEqual,
}
