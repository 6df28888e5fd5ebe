package concur

import (
	"fmt"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/ssa"
)

// opKind is the kind of a visible operation: one before which another goroutine may run.
type opKind uint8

const (
	opStep  opKind = iota // always possible: close, Done, an atomic
	opLazy                // possible, but others rather go first: Sleep
	opYield               // Gosched
	opLock
	opRLock
	opSend
	opRecv
	opSelect
	opWait     // WaitGroup.Wait
	opCond     // Cond.Wait, waiting for the signal
	opOnce     // Once.Do while another runs it
	opJoin     // errgroup's Go at its limit: waits for a condition
	opForever  // select {}
	opUnlocked // Cond.Wait, before it waits
)

// op is a visible operation that a goroutine is at.
type op struct {
	kind    opKind
	s       *Sync
	ch      *Chan
	val     Value
	cases   []selCase
	block   bool // a select without default
	commaOk bool // a receive that asks whether the channel is closed
	do      func() Value
	cond    func() bool // opJoin
	done    func(v Value)
	pos     token.Pos
	name    string    // for people: "send", "Lock", ...
	object  ssa.Value // for people: the operand
	arrived bool      // it has begun to wait
	relock  bool      // the Lock at the end of Cond.Wait
}

type selCase struct {
	send bool
	ch   *Chan
	val  Value
	pos  token.Pos
	expr ssa.Value
	asks bool // whether the channel is closed
}

// asks notes which receive of a select the flag of a closed channel is read for: the one into whose branch it leads.
func (o *op) asks(flag *ssa.Extract) {
	b := flag.Block()
	for len(b.Preds) == 1 {
		from := b.Preds[0]
		if cond, ok := from.Instrs[len(from.Instrs)-1].(*ssa.If); ok && from.Succs[0] == b {
			if cmp, ok := cond.Cond.(*ssa.BinOp); ok && cmp.Op == token.EQL {
				if x, ok := cmp.X.(*ssa.Extract); ok && x.Tuple == flag.Tuple && x.Index == 0 {
					if i, ok := cmp.Y.(*ssa.Const); ok && i.Int64() < int64(len(o.cases)) {
						o.cases[i.Int64()].asks = true
						return
					}
				}
			}
		}
		b = from
	}
	for i := range o.cases {
		o.cases[i].asks = true
	}
}

type readiness uint8

const (
	isBlocked readiness = iota
	isReady
	isLazy
)

func (m *machine) readiness(g *G) readiness {
	o := g.op
	if o == nil {
		return isReady
	}
	switch o.kind {
	case opStep, opYield, opUnlocked:
		return isReady
	case opLazy:
		return isLazy
	case opLock:
		if !o.s.locked && len(o.s.readers) == 0 {
			return isReady
		}
		// Arriving at a held RWMutex is itself a step: from then on new readers queue behind the writer.
		if o.s.kind == "RWMutex" && !o.arrived {
			return isReady
		}
		return isBlocked
	case opRLock:
		if !o.s.locked && len(o.s.waitW) == 0 {
			return isReady
		}
	case opWait:
		if o.s.count == 0 {
			return isReady
		}
		if o.s.open {
			return isLazy
		}
	case opOnce:
		if o.s.onces != 1 {
			return isReady
		}
	case opJoin:
		if o.cond() {
			return isReady
		}
	case opSend:
		return m.sendReady(g, o.ch)
	case opRecv:
		return m.recvReady(g, o.ch)
	case opSelect:
		best := isBlocked
		for _, c := range o.cases {
			r := m.caseReady(g, c)
			if r == isReady {
				return isReady
			}
			best = max(best, r)
		}
		if !o.block {
			return isReady
		}
		return best
	}
	return isBlocked
}

func (m *machine) caseReady(g *G, c selCase) readiness {
	if c.send {
		return m.sendReady(g, c.ch)
	}
	return m.recvReady(g, c.ch)
}

func (m *machine) sendReady(g *G, ch *Chan) readiness {
	switch {
	case ch == nil:
		return isBlocked
	case ch.closed, len(ch.buf) < ch.cap:
		return isReady
	case len(m.partners(g, ch, false)) > 0:
		return isReady
	case ch.open:
		return isLazy
	}
	return isBlocked
}

func (m *machine) recvReady(g *G, ch *Chan) readiness {
	switch {
	case ch == nil:
		return isBlocked
	case ch.closed, len(ch.buf) > 0:
		return isReady
	case len(m.partners(g, ch, true)) > 0:
		return isReady
	case ch.open:
		return isLazy
	}
	return isBlocked
}

// partners returns the other goroutines that are at a send (or receive) on ch.
func (m *machine) partners(g *G, ch *Chan, send bool) []*G {
	var gs []*G
	for _, p := range m.gs {
		if p == g || p.done || p.op == nil {
			continue
		}
		switch o := p.op; o.kind {
		case opSend:
			if send && o.ch == ch {
				gs = append(gs, p)
			}
		case opRecv:
			if !send && o.ch == ch {
				gs = append(gs, p)
			}
		case opSelect:
			for _, c := range o.cases {
				if c.ch == ch && c.send == send {
					gs = append(gs, p)
					break
				}
			}
		}
	}
	return gs
}

// perform executes o, which was ready.
func (m *machine) perform(g *G, o *op) {
	switch o.kind {
	case opStep, opLazy, opJoin:
		var v Value
		if o.do != nil {
			v = o.do()
		}
		if o.name != "" {
			m.note(g, o.pos, o.name)
		}
		m.complete(g, o, v)
	case opYield:
		g.yielded = true
		m.complete(g, o, nil)
	case opLock:
		m.lock(g, o)
	case opRLock:
		m.note(g, o.pos, "RLock "+describe(o.object))
		o.s.readers = append(o.s.readers, holder{g, o.pos})
		m.complete(g, o, nil)
	case opSend:
		m.note(g, o.pos, "send on "+describe(o.object))
		m.send(g, o.ch, o.val, o.pos)
		m.complete(g, o, nil)
	case opRecv:
		m.note(g, o.pos, "receive from "+describe(o.object))
		v, ok := m.recv(g, o.ch, o.commaOk)
		if o.commaOk {
			v = tuple{v, ok}
		}
		m.complete(g, o, v)
	case opSelect:
		m.doSelect(g, o)
	case opWait:
		m.supposed = m.supposed || o.s.count != 0
		m.note(g, o.pos, "Wait on "+describe(o.object)+" is over")
		m.complete(g, o, nil)
	case opOnce:
		o.do()
	case opUnlocked:
		o.do()
		g.op = &op{kind: opCond, s: o.s, done: o.done, pos: o.pos, name: "Cond.Wait", object: o.object, val: o.val}
	}
}

func (m *machine) complete(g *G, o *op, v Value) {
	if o.done != nil {
		o.done(v)
	}
}

func (m *machine) lock(g *G, o *op) {
	s := o.s
	if s.locked || len(s.readers) > 0 { // it begins to wait
		o.arrived = true
		s.waitW = append(s.waitW, g)
		g.op = o
		m.note(g, o.pos, "begins to wait for Lock "+describe(o.object))
		return
	}
	for i, w := range s.waitW {
		if w == g {
			s.waitW = append(s.waitW[:i:i], s.waitW[i+1:]...)
			break
		}
	}
	s.locked, s.writer, s.at = true, g, o.pos
	m.note(g, o.pos, "Lock "+describe(o.object))
	m.complete(g, o, nil)
}

// send delivers v on ch, which is ready for it.
func (m *machine) send(g *G, ch *Chan, v Value, pos token.Pos) {
	if ch.closed && ch.foreign {
		m.stop(pruned) // the outside closes it: it will know why
		return
	}
	if ch.closed {
		m.crashed(g, pos, "send on closed channel", token.NoPos)
		return
	}
	if ps := m.partners(g, ch, false); len(ps) > 0 {
		p := ps[m.choose(len(ps))]
		m.handOver(p, ch, v)
		return
	}
	if len(ch.buf) < ch.cap {
		ch.buf = append(ch.buf, v)
		return
	}
	m.env = append(m.env, v) // taken by the outside
}

// handOver completes the receive that p waits in.
func (m *machine) handOver(p *G, ch *Chan, v Value) {
	o := p.op
	p.op = nil
	was := m.cur
	m.cur = p
	if o.kind == opRecv {
		m.note(p, o.pos, "receive from "+describe(o.object))
		if o.commaOk {
			v = tuple{v, true}
		}
		m.complete(p, o, v)
	} else {
		for i, c := range o.cases {
			if c.ch == ch && !c.send {
				m.note(p, c.pos, "select receives from "+describe(c.expr))
				m.complete(p, o, selResult(o, i, v, true))
				break
			}
		}
	}
	m.cur = was
}

// recv takes a value from ch, which is ready for it. commaOk: the program asks whether there is one.
func (m *machine) recv(g *G, ch *Chan, commaOk bool) (Value, bool) {
	if len(ch.buf) > 0 {
		v := ch.buf[0]
		ch.buf = append([]Value(nil), ch.buf[1:]...)
		if ps := m.partners(g, ch, true); len(ps) > 0 {
			ch.buf = append(ch.buf, m.takeFrom(ps[m.choose(len(ps))], ch))
		}
		return v, true
	}
	if ps := m.partners(g, ch, true); len(ps) > 0 && !ch.closed {
		return m.takeFrom(ps[m.choose(len(ps))], ch), true
	}
	// The outside will not close a channel from which the program takes a channel to go on with, and asks no question.
	trusted := !commaOk && holdsChan(ch.elem)
	if !ch.closed && ch.open && !ch.signal && (trusted || m.choose(2) == 0) {
		return m.fresh(ch.elem), true
	}
	if !ch.closed { // the outside closed it
		ch.closed, ch.foreign = true, true
	}
	return m.zero(ch.elem), false
}

// holdsChan tells whether a value of type t is or has a channel.
func holdsChan(t types.Type) bool {
	switch u := t.Underlying().(type) {
	case *types.Chan:
		return true
	case *types.Struct:
		for f := range u.Fields() {
			if holdsChan(f.Type()) {
				return true
			}
		}
	}
	return false
}

// takeFrom completes the send that p waits in and returns its value.
func (m *machine) takeFrom(p *G, ch *Chan) Value {
	o := p.op
	p.op = nil
	was := m.cur
	m.cur = p
	defer func() { m.cur = was }()
	if o.kind == opSend {
		m.note(p, o.pos, "send on "+describe(o.object))
		m.complete(p, o, nil)
		return o.val
	}
	for i, c := range o.cases {
		if c.ch == ch && c.send {
			m.note(p, c.pos, "select sends on "+describe(c.expr))
			m.complete(p, o, selResult(o, i, nil, false))
			return c.val
		}
	}
	return nil
}

// selResult is the tuple of a select: index, recvOk, and one value for each receiving case.
func selResult(o *op, chosen int, v Value, ok bool) tuple {
	t := tuple{int64(chosen), ok}
	for i, c := range o.cases {
		if c.send {
			continue
		}
		if i == chosen {
			t = append(t, v)
		} else {
			t = append(t, nil)
		}
	}
	return t
}

func (m *machine) doSelect(g *G, o *op) {
	var ready, lazy []int
	definite := false
	for i, c := range o.cases {
		switch m.caseReady(g, c) {
		case isReady:
			ready = append(ready, i)
			// A partner that is about to arrive may also come too late for a select with default.
			definite = definite || c.ch.closed || (c.send && len(c.ch.buf) < c.ch.cap) || (!c.send && len(c.ch.buf) > 0)
		case isLazy:
			lazy = append(lazy, i)
		}
	}
	if !o.block && !definite {
		ready = append(ready, -1)
	}
	ready = append(ready, lazy...)
	if len(ready) == 0 {
		g.op = o
		return
	}
	// The usual choice is another one every other time: else a server would never be told to stop.
	turn := m.turns[o.pos]
	m.turns[o.pos] = turn + 1
	i := ready[(turn/2+m.choose(len(ready)))%len(ready)]
	if i < 0 {
		m.note(g, o.pos, "select takes default")
		g.yielded = true
		m.complete(g, o, selResult(o, -1, nil, false))
		return
	}
	c := o.cases[i]
	if c.send {
		m.note(g, c.pos, "select sends on "+describe(c.expr))
		m.send(g, c.ch, c.val, c.pos)
		m.complete(g, o, selResult(o, i, nil, false))
		return
	}
	m.note(g, c.pos, "select receives from "+describe(c.expr))
	v, ok := m.recv(g, c.ch, c.asks)
	m.complete(g, o, selResult(o, i, v, ok))
}

// closeChan closes ch.
func (m *machine) closeChan(g *G, ch *Chan, pos token.Pos, expr ssa.Value) {
	switch {
	case ch == nil:
		m.crashed(g, pos, "close of nil channel", token.NoPos)
	case ch.closed && ch.foreign:
		m.stop(pruned)
	case ch.closed:
		m.crashed(g, pos, "close of closed channel", ch.pos)
	default:
		m.note(g, pos, "close "+describe(expr))
		ch.closed = true
		for _, p := range m.partners(g, ch, true) {
			if p.op.kind == opSend {
				m.crashed(p, p.op.pos, "send on channel that "+fmt.Sprintf("goroutine %d closes", g.id), pos)
			}
		}
	}
}
