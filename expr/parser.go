package expr

import (
	"math"
	"time"

	"github.com/falsifiable/stability/signals"
)

// maxDepth bounds how deep parentheses, calls and prefix operators may nest.
const maxDepth = 64

// parser builds the tree by precedence climbing.
type parser struct {
	source string
	tokens []token
	depth  int
}

func parse(source string) (node, *Error) {
	tokens, err := lex(source)
	if err != nil {
		return nil, err
	}
	p := parser{source: source, tokens: tokens}
	if p.peek().kind == end {
		return nil, errorAt(source, p.peek().span, "the expression is empty").
			mend("a check is a condition, such as runtime.NumGoroutine() > 2000")
	}
	n, err := p.binary(1)
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != end {
		return nil, p.unexpected(t, "an operator or the end")
	}
	return n, nil
}

func (p *parser) peek() token { return p.tokens[0] }

func (p *parser) take() token {
	t := p.tokens[0]
	if t.kind != end {
		p.tokens = p.tokens[1:]
	}
	return t
}

func (p *parser) accept(k kind) bool {
	if p.peek().kind != k {
		return false
	}
	p.take()
	return true
}

func (p *parser) expect(k kind, after string) (token, *Error) {
	if t := p.peek(); t.kind != k {
		return t, p.unexpected(t, k.String()+after)
	}
	return p.take(), nil
}

func (p *parser) unexpected(t token, wanted string) *Error {
	got := p.source[t.pos:t.end]
	if t.kind == end {
		got = "the expression ends"
	}
	err := errorAt(p.source, t.span, "%s where %s should be", got, wanted)
	if t.kind == assign {
		return err.mend("write == to compare")
	}
	return err
}

// enter counts the nesting, so that no text can exhaust the goroutine's stack.
func (p *parser) enter() *Error {
	if p.depth++; p.depth > maxDepth {
		return errorAt(p.source, p.peek().span, "the expression nests deeper than %d", maxDepth)
	}
	return nil
}

func (p *parser) leave() { p.depth-- }

func (p *parser) binary(least int) (node, *Error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	left, err := p.unary()
	if err != nil {
		return nil, err
	}
	for {
		op := p.peek()
		prec := op.kind.precedence()
		if prec < least || prec == 0 {
			return left, nil
		}
		p.take()
		right, err := p.binary(prec + 1)
		if err != nil {
			return nil, err
		}
		left = &binary{span: span{left.where().pos, right.where().end}, op: op.kind, opSpan: op.span, left: left, right: right}
	}
}

func (p *parser) unary() (node, *Error) {
	t := p.peek()
	if t.kind != not && t.kind != minus {
		return p.postfix()
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	p.take()
	x, err := p.unary()
	if err != nil {
		return nil, err
	}
	return &unary{span: span{t.pos, x.where().end}, op: t.kind, x: x}, nil
}

// postfix reads an operand and the range after it.
func (p *parser) postfix() (node, *Error) {
	x, err := p.operand()
	if err != nil || p.peek().kind != bracketOpen {
		return x, err
	}
	p.take()
	r := &ranged{of: x}
	if r.window, err = p.duration("window"); err != nil {
		return nil, err
	}
	if p.accept(colon) {
		r.subquery = true
		if p.peek().kind != bracketClose {
			if r.step, err = p.duration("step"); err != nil {
				return nil, err
			}
		}
	}
	closing, err := p.expect(bracketClose, " to close the range")
	if err != nil {
		return nil, err
	}
	r.span = span{x.where().pos, closing.end}
	if p.peek().kind == bracketOpen {
		return nil, p.unexpected(p.peek(), "only one range")
	}
	return r, nil
}

func (p *parser) duration(what string) (time.Duration, *Error) {
	t := p.peek()
	if t.kind != number || t.dim != (dim{unit: signals.Seconds}) {
		return 0, errorAt(p.source, t.span, "a range's %s is a duration", what).mend("such as [5m], or [1h:30s] for steps")
	}
	ns := math.Round(t.value * float64(time.Second))
	if ns < float64(time.Millisecond) || ns > float64(maxWindow) {
		return 0, errorAt(p.source, t.span, "a range's %s lies between 1ms and %s", what, formatDuration(maxWindow))
	}
	p.take()
	return time.Duration(ns), nil
}

func (p *parser) operand() (node, *Error) {
	switch t := p.peek(); t.kind {
	case number:
		p.take()
		return &literal{span: t.span, value: t.value, dim: t.dim}, nil
	case parenOpen:
		p.take()
		x, err := p.binary(1)
		if err != nil {
			return nil, err
		}
		closing, err := p.expect(parenClose, " to close the parenthesis")
		x.widen(span{t.pos, closing.end})
		return x, err
	case path:
		return p.named()
	default:
		return nil, p.unexpected(t, "an operand")
	}
}

// named reads a signal with its matchers, or a call.
func (p *parser) named() (node, *Error) {
	name := p.take()
	if p.peek().kind == parenOpen {
		p.take()
		if t := p.peek(); t.kind == parenClose { // pool.Active( ), with a space
			p.take()
			return &reference{span: span{name.pos, t.end}, name: name.text}, nil
		}
		return p.call(name)
	}
	r := &reference{span: name.span, name: name.text}
	if p.peek().kind != braceOpen {
		return r, nil
	}
	p.take()
	for p.peek().kind != braceClose {
		m, err := p.matcher()
		if err != nil {
			return nil, err
		}
		r.matchers = append(r.matchers, m)
		if !p.accept(comma) {
			break
		}
	}
	closing, err := p.expect(braceClose, " to close the labels")
	r.end = closing.end
	return r, err
}

func (p *parser) matcher() (matcher, *Error) {
	key, err := p.expect(path, ": a label")
	if err != nil {
		return matcher{}, err
	}
	op := p.peek()
	switch op.kind {
	case assign, unequal, matches, matchesNot:
		p.take()
	case equal:
		return matcher{}, errorAt(p.source, op.span, "a label is matched by a single sign").mend("write =")
	default:
		return matcher{}, p.unexpected(op, "one of = != =~ !~")
	}
	value, err := p.expect(text, ", such as \"orders\"")
	if err != nil {
		return matcher{}, err
	}
	return matcher{span: span{key.pos, value.end}, key: key.text, op: op.kind, value: value.text}, nil
}

func (p *parser) call(name token) (node, *Error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	c := &call{name: name.text, nameSpan: name.span}
	for {
		arg, err := p.binary(1)
		if err != nil {
			return nil, err
		}
		c.args = append(c.args, arg)
		if !p.accept(comma) {
			break
		}
	}
	closing, err := p.expect(parenClose, " to close the call")
	c.span = span{name.pos, closing.end}
	return c, err
}
