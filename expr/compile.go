package expr

import (
	"time"

	"github.com/falsifiable/stability/internal/timescale"
)

// compiler turns a checked tree into flat code.
type compiler struct {
	p     *Program
	scale float64
	code  []instr
	depth int           // of the stack at this point of the code
	back  time.Duration // how far before the evaluation this part of the tree is looked at
}

func compile(p *Program, tree node, scale float64) {
	c := compiler{p: p, scale: scale}
	c.emitNode(tree)
	p.code = c.code
}

// part compiles a tree of its own: the argument of a baseline, the inside of a sub-query.
func (c *compiler) part(tree node, back time.Duration) []instr {
	inner := compiler{p: c.p, scale: c.scale, back: back}
	inner.emitNode(tree)
	return inner.code
}

func (c *compiler) emit(in instr, grows int) {
	c.code = append(c.code, in)
	c.depth += grows
	c.p.depth = max(c.p.depth, c.depth)
}

func (c *compiler) emitNode(n node) {
	switch n := n.(type) {
	case *literal:
		c.emit(instr{op: opConst, value: n.value}, 1)
	case *reference:
		c.emit(instr{op: opRead, arg: uint16(c.operand(n))}, 1)
	case *unary:
		c.emitNode(n.x)
		if n.op == not {
			c.emit(instr{op: opNot}, 0)
		} else {
			c.emit(instr{op: opNegate}, 0)
		}
	case *binary:
		if n.op == and || n.op == or {
			c.emitLogic(n)
		} else {
			c.emitBinary(n)
		}
	case *call:
		c.emitCall(n)
	}
}

// emitLogic skips the right side when the left side decides.
func (c *compiler) emitLogic(n *binary) {
	skip, join := opSkipFalse, opAnd
	if n.op == or {
		skip, join = opSkipTrue, opOr
	}
	c.emitNode(n.left)
	at := len(c.code)
	c.emit(instr{op: skip}, 0)
	c.emitNode(n.right)
	c.emit(instr{op: join}, -1)
	c.code[at].arg = uint16(len(c.code) - 1)
}

func (c *compiler) emitBinary(n *binary) {
	in := instr{op: binaryOps[n.op]}
	c.emitNode(n.left)
	c.emitRight(&in, n.right)
	if n.op.compares() {
		in.arg = uint16(c.p.comparisons)
		c.p.comparisons++
	}
	c.emit(in, 0)
}

// emitRight puts a constant right operand into its instruction, any other on the stack.
func (c *compiler) emitRight(in *instr, right node) {
	if lit, ok := right.(*literal); ok {
		in.value = lit.value
		return
	}
	c.emitNode(right)
	in.pops = true
	c.depth--
}

func (c *compiler) emitCall(n *call) {
	switch n.fn.op {
	case opAbs:
		c.emitNode(n.args[0])
		c.emit(instr{op: opAbs}, 0)
	case opMin, opMax:
		c.emitNode(n.args[0])
		for _, arg := range n.args[1:] {
			in := instr{op: n.fn.op}
			c.emitRight(&in, arg)
			c.emit(in, 0)
		}
	case opBaseline:
		b := &baseline{text: canonical(n.args[0]), code: c.part(n.args[0], c.back)}
		c.emit(instr{op: opBaseline, arg: uint16(len(c.p.baselines))}, 1)
		c.p.baselines = append(c.p.baselines, b)
	default:
		in := instr{op: n.fn.op, arg: uint16(c.window(n))}
		if lit, ok := n.args[0].(*literal); ok {
			in.value = lit.value
		}
		c.emit(in, 1)
	}
}

// window returns the index of the history that a call looks at.
func (c *compiler) window(n *call) int {
	r := n.args[len(n.args)-1].(*ranged)
	w := &window{span: timescale.Scale(r.window, c.scale), least: n.fn.least, text: canonical(r),
		twoEnds: n.fn.op == opRate || n.fn.op == opDelta}
	if r.subquery {
		s := &subquery{step: timescale.Scale(r.step, c.scale), keep: c.back + w.span, text: canonical(r.of)}
		s.code = c.part(r.of, s.keep+s.step)
		// A part's own sub-queries come first, so that they are brought up to date before it.
		w.subquery, w.computed = s, len(c.p.subqueries)
		c.p.subqueries = append(c.p.subqueries, s)
	} else {
		outer := c.back
		c.back += w.span
		w.operand = c.operand(r.of.(*reference))
		c.back = outer
	}
	c.p.windows = append(c.p.windows, w)
	return len(c.p.windows) - 1
}

// operand returns the index of a signal with its matchers, and notes the history that is needed of it.
func (c *compiler) operand(n *reference) int {
	c.need(n)
	text := n.String()
	for i, o := range c.p.operands {
		if o.text == text {
			return i
		}
	}
	c.p.operands = append(c.p.operands, &operand{reference: n, free: n.freeLabels(), text: text})
	return len(c.p.operands) - 1
}

func (c *compiler) need(n *reference) {
	for i := range c.p.history {
		if w := &c.p.history[i]; w.ID == n.id {
			w.Window = max(w.Window, c.back)
			return
		}
	}
	c.p.history = append(c.p.history, Window{ID: n.id, Window: c.back})
}
