package expr

import (
	"math"
	"time"

	"github.com/falsifiable/stability/signals"
)

// shape is what kind of value an expression has.
type shape uint8

const (
	invalid shape = iota // an error was reported below; nothing further is said about it
	numeric
	boolean
	series
)

// checker resolves names, folds constants, and finds what makes no sense. It goes on after an error as long as
// what follows does not depend on it, so that an author sees all of them at once.
type checker struct {
	source   string
	schema   *signals.Schema
	lenient  bool
	within   string        // the baseline or sub-query that is being checked
	back     time.Duration // how far back that looks
	errs     []*Error
	warnings []Warning
	reads    []*reference
}

func (c *checker) fail(at span, format string, args ...any) *Error {
	err := errorAt(c.source, at, format, args...)
	c.errs = append(c.errs, err)
	return err
}

func (c *checker) warn(at span, msg, mend string) {
	c.warnings = append(c.warnings, Warning{Pos: position(c.source, at.pos), Msg: msg, Mend: mend})
}

// text returns a node as its author spelled it.
func (c *checker) text(n node) string { return c.source[n.where().pos:n.where().end] }

// operandText returns it so that a range may follow.
func (c *checker) operandText(n node) string {
	wrapped := true
	switch n := n.(type) {
	case *binary:
		wrapped = n.pos < n.left.where().pos
	case *unary:
		wrapped = c.source[n.pos] == '('
	}
	if wrapped {
		return c.text(n)
	}
	return "(" + c.text(n) + ")"
}

// condition checks a whole expression.
func (c *checker) condition(n node) node {
	n, s, d := c.check(n)
	switch {
	case s == numeric:
		c.fail(n.where(), "a check is a condition; this is a number (%s)", d).
			mend("compare it with something, such as %s > 0", c.text(n))
	case s == series:
		c.fail(n.where(), "a check is a condition; this is a history").
			mend("compare what a function makes of it, such as max_over_time(%s) > 0", c.text(n))
	case s == boolean && len(c.reads) == 0:
		c.fail(n.where(), "the expression reads no signal")
	}
	c.join()
	return n
}

func (c *checker) check(n node) (node, shape, dim) {
	switch n := n.(type) {
	case *literal:
		return n, numeric, n.dim
	case *reference:
		return c.reference(n, "")
	case *call:
		return c.call(n)
	case *ranged:
		return c.ranged(n)
	case *unary:
		return c.unary(n)
	case *binary:
		switch {
		case n.op == and || n.op == or:
			return c.logic(n)
		case n.op.compares():
			return c.comparison(n)
		default:
			return c.arithmetic(n)
		}
	}
	return n, invalid, dim{}
}

// number checks an operand that must be a number.
func (c *checker) number(n node) (node, dim, bool) {
	n, s, d := c.check(n)
	switch s {
	case boolean:
		err := c.fail(n.where(), "a condition where a number should be")
		if b, ok := n.(*binary); ok && b.op.compares() {
			err.mend("comparisons do not chain: join two of them by &&")
		}
	case series:
		c.fail(n.where(), "a history where a number should be").
			mend("apply a function to it, such as max_over_time(%s)", c.text(n))
	}
	return n, d, s == numeric
}

// truth checks an operand that must be a condition.
func (c *checker) truth(n node, op kind) (node, bool) {
	n, s, d := c.check(n)
	if s == numeric || s == series {
		what := "a history"
		if s == numeric {
			what = "a number (" + d.String() + ")"
		}
		c.fail(n.where(), "%s joins conditions; this is %s", op, what).
			mend("compare it with something, such as %s > 0", c.text(n))
	}
	return n, s == boolean
}

func (c *checker) unary(n *unary) (node, shape, dim) {
	if n.op == not {
		x, ok := c.truth(n.x, not)
		n.x = x
		return n, shapeIf(boolean, ok), dim{}
	}
	x, d, ok := c.number(n.x)
	if lit, is := x.(*literal); is {
		return &literal{span: n.span, value: -lit.value, dim: lit.dim}, numeric, d
	}
	n.x = x
	return n, shapeIf(numeric, ok), d
}

func (c *checker) logic(n *binary) (node, shape, dim) {
	left, ok1 := c.truth(n.left, n.op)
	right, ok2 := c.truth(n.right, n.op)
	n.left, n.right = left, right
	return n, shapeIf(boolean, ok1 && ok2), dim{}
}

func (c *checker) comparison(n *binary) (node, shape, dim) {
	left, ld, ok1 := c.number(n.left)
	right, rd, ok2 := c.number(n.right)
	n.left, n.right = left, right
	if !ok1 || !ok2 {
		return n, invalid, dim{}
	}
	if isLiteral(left) && isLiteral(right) {
		c.fail(n.span, "both sides are constants: the result never changes")
		return n, invalid, dim{}
	}
	d, ok := unify(ld, rd)
	if !ok && !c.mixed(n, ld, rd, "compares different dimensions") {
		return n, invalid, dim{}
	}
	if ok {
		adopt(left, d)
		adopt(right, d)
		n.compared = d
	}
	c.suspect(n)
	return n, boolean, dim{}
}

func (c *checker) arithmetic(n *binary) (node, shape, dim) {
	left, ld, ok1 := c.number(n.left)
	right, rd, ok2 := c.number(n.right)
	n.left, n.right = left, right
	if !ok1 || !ok2 {
		return n, invalid, dim{}
	}
	d, ok := combine(n, ld, rd)
	if !ok {
		d = ld
		msg := "has no meaning"
		if n.op == plus || n.op == minus {
			msg = "mixes different dimensions"
		}
		if !c.mixed(n, ld, rd, msg) {
			return n, invalid, dim{}
		}
	}
	if lit, is := right.(*literal); is && n.op == divided && lit.value == 0 {
		c.fail(right.where(), "division by zero")
		return n, invalid, dim{}
	}
	return c.fold(n, d)
}

// combine returns the dimension of an arithmetic operation, and lets bare numbers take that of a sum.
func combine(n *binary, ld, rd dim) (dim, bool) {
	constant := isLiteral(n.left) && isLiteral(n.right)
	switch n.op {
	case times:
		if constant && (ld == bare && rd == ratio || ld == ratio && rd == bare) {
			return bare, true // 2000 * 80% is a number like 1600
		}
		return multiply(ld, rd)
	case divided:
		if constant && ld == rd && ld != ratio {
			return bare, true // so is 1GB / 512KB
		}
		return divide(ld, rd)
	}
	d, ok := unify(ld, rd)
	if ok {
		adopt(n.left, d)
		adopt(n.right, d)
	}
	return d, ok
}

// fold computes what is constant.
func (c *checker) fold(n *binary, d dim) (node, shape, dim) {
	l, ok1 := n.left.(*literal)
	r, ok2 := n.right.(*literal)
	if !ok1 || !ok2 {
		return n, numeric, d
	}
	v := l.value
	switch n.op {
	case plus:
		v += r.value
	case minus:
		v -= r.value
	case times:
		v *= r.value
	case divided:
		v /= r.value
	}
	if math.IsInf(v, 0) {
		c.fail(n.span, "the constant does not fit a number")
		return n, invalid, dim{}
	}
	return &literal{span: n.span, value: v, dim: d}, numeric, d
}

// mixed reports an operation on dimensions that do not go together, as a warning when lenient. It reports
// whether checking can go on.
func (c *checker) mixed(n *binary, ld, rd dim, what string) bool {
	msg := n.op.String() + " " + what + ": left is " + ld.String() + ", right is " + rd.String()
	mend := c.mendMixed(n, ld, rd)
	if c.lenient {
		c.warn(n.opSpan, msg, mend)
		return true
	}
	c.fail(n.opSpan, "%s", msg).Mend = mend
	return false
}

func shapeIf(s shape, ok bool) shape {
	if !ok {
		return invalid
	}
	return s
}

func isLiteral(n node) bool {
	_, ok := n.(*literal)
	return ok
}

// adopt gives a bare constant the dimension of the other side, so that 2000 and 2000B are one canonical form
// where bytes are compared.
func adopt(n node, d dim) {
	if lit, ok := n.(*literal); ok && lit.dim.free {
		lit.dim = d
	}
}
