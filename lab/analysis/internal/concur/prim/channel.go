package prim

import (
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/facts"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/heap"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/ir"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
)

// Chan is a channel.
type Chan struct {
	capacity int
	buf      []Value
	closed   bool
	elem     types.Type
	pos      token.Pos // where it was made
	// open: somebody outside of the model may send, receive or close.
	open bool
	// signal: nobody sends, and only what it belongs to closes it, as the Done channel of a context.
	signal bool
	clock  bool // only a timer sends on it
	// foreign: the outside has closed it.
	foreign bool
	// unsent: nobody sends on it, so whoever receives finds it closed.
	unsent bool
}

// The ways to wait for a channel, and to misuse one.
var (
	WaitSend    = &machine.WaitKind{Name: "send on %", Weight: 4}
	WaitReceive = &machine.WaitKind{Name: "receive from %", Weight: 4}
	WaitSelect  = &machine.WaitKind{Name: "select", Weight: 4}

	sendOnClosed  = &machine.CrashKind{What: "send on closed channel"}
	sendWhenClose = &machine.CrashKind{What: "send on a channel that another goroutine closes"}
	closeOfNil    = &machine.CrashKind{What: "close of nil channel"}
	closeOfClosed = &machine.CrashKind{What: "close of closed channel"}
)

// maxCapacity bounds the capacity of a channel, and is that of one whose capacity is unknown: suppose that there is room.
const maxCapacity = 1 << 20

// MakeChan makes a channel of type t.
func MakeChan(t types.Type, size Value, pos token.Pos) *Chan {
	c := &Chan{elem: elemOf(t), pos: pos, capacity: maxCapacity}
	if n, ok := integer(size); ok {
		c.capacity = int(min(max(n, 0), maxCapacity))
	} else {
		facts.RoomForOne(size)
	}
	return c
}

func elemOf(t types.Type) types.Type {
	if c, ok := t.Underlying().(*types.Chan); ok {
		return c.Elem()
	}
	return types.Typ[types.Int]
}

// ChanOf returns v as a channel; nil for the nil channel. An unknown one is supposed not to be nil.
func ChanOf(m *machine.Machine, v Value) *Chan {
	switch v := v.(type) {
	case *Chan:
		return v
	case *facts.Term:
		if v.Nilness() == facts.Nil {
			return nil
		}
		return m.ObjectOf(v, func() heap.Object {
			v.SetNil(false)
			return &Chan{open: true, elem: elemOf(v.Type)}
		}).(*Chan)
	}
	return nil
}

// Trace tells what the channel keeps alive.
func (c *Chan) Trace(t heap.Tracer) { t.Each(c.buf) }

// Passive tells that who holds the Done channel of a context can only wait.
func (c *Chan) Passive() bool { return c.signal }

// Len returns len(c), and Cap cap(c); false if the outside knows better.
func (c *Chan) Len() (int, bool) { return len(c.buf), !c.open }

// Cap returns cap(c).
func (c *Chan) Cap() (int, bool) { return c.capacity, !c.open }

// end is one side of a communication that a goroutine is at.
type end struct {
	ch      *Chan
	send    bool
	val     Value // to be sent
	pos     token.Pos
	operand ssa.Value
	// asks: the program asks whether the channel was closed.
	asks bool
}

func (e *end) trace(t heap.Tracer) {
	t.Mark(e.val)
	if e.ch != nil {
		t.Mark(e.ch)
	}
}

// ready tells whether g could communicate.
func (e *end) ready(m *machine.Machine, g *machine.G) machine.Readiness {
	ch := e.ch
	switch {
	case ch == nil:
		return machine.Blocked
	case e.definite(), len(partners(m, g, ch, !e.send)) > 0:
		return machine.Ready
	case ch.open:
		return machine.Lazy
	}
	return machine.Blocked
}

// definite tells whether g can communicate whatever others do.
func (e *end) definite() bool {
	ch := e.ch
	return ch.closed || e.send && len(ch.buf) < ch.capacity || !e.send && len(ch.buf) > 0
}

// hope tells whether something alive can reach the channel.
func (e *end) hope(alive machine.Alive) bool { return e.ch != nil && (e.ch.open || alive.Has(e.ch)) }

// help is what the outside may do about it: it takes part from then on.
func (e *end) help(outside machine.Alive) []func() {
	ch := e.ch
	if ch == nil || ch.open || ch.clock || !outside.Has(ch) {
		return nil
	}
	return []func(){func() { ch.open = true }}
}

func (e *end) isSignal() bool { return e.ch != nil && e.ch.signal }

// communicator is an operation on channels.
type communicator interface {
	machine.Op
	// side returns the index of the end on ch that sends, or receives; -1 if there is none.
	side(ch *Chan, send bool) int
	// complete goes on after a communication by that end, with a value if it received one.
	complete(m *machine.Machine, g *machine.G, end int, v Value, ok bool)
	end(i int) *end
}

// partners returns the other goroutines that are at a send (or receive) on ch.
func partners(m *machine.Machine, g *machine.G, ch *Chan, send bool) []*machine.G {
	var gs []*machine.G
	for _, p := range m.Gs {
		if o, ok := p.Op.(communicator); ok && p != g && !p.Done && o.side(ch, send) >= 0 {
			gs = append(gs, p)
		}
	}
	return gs
}

// meet completes the operation of p, which waits at the other side of ch, and returns the value that it sent.
func meet(m *machine.Machine, p *machine.G, ch *Chan, send bool, v Value) Value {
	o := p.Op.(communicator)
	i := o.side(ch, send)
	p.Op = nil
	m.As(p, func() { o.complete(m, p, i, v, !send) })
	return o.end(i).val
}

// send delivers e's value, for which its channel is ready.
func (e *end) deliver(m *machine.Machine, g *machine.G) {
	ch := e.ch
	if ch.closed && ch.foreign {
		m.Impossible() // the outside closes it: it will know why
		return
	}
	if ch.closed {
		m.Crashed(g, sendOnClosed, e.pos, token.NoPos)
		return
	}
	ch.put(m, g, e.val)
}

// put delivers v on ch, which is ready for it.
func (c *Chan) put(m *machine.Machine, g *machine.G, v Value) {
	ps := partners(m, g, c, false)
	switch {
	case len(c.buf) == 0 && len(ps) > 0:
		meet(m, ps[m.Choose(len(ps))], c, false, v)
	case len(c.buf) < c.capacity:
		c.buf = append(c.buf, v)
	case len(c.buf) > 0 && len(ps) > 0: // somebody is about to make room
		first := c.buf[0]
		c.buf = append(slices.Clone(c.buf[1:]), v)
		meet(m, ps[m.Choose(len(ps))], c, false, first)
	default:
		m.Escape(v) // taken by the outside
	}
}

// take receives from e's channel, which is ready for it; ok is false if it was closed.
func (e *end) take(m *machine.Machine, g *machine.G) (v Value, ok bool) {
	ch := e.ch
	if len(ch.buf) > 0 {
		v := ch.buf[0]
		ch.buf = slices.Clone(ch.buf[1:])
		if ps := partners(m, g, ch, true); len(ps) > 0 {
			ch.buf = append(ch.buf, meet(m, ps[m.Choose(len(ps))], ch, true, nil))
		}
		return v, true
	}
	if ps := partners(m, g, ch, true); len(ps) > 0 && !ch.closed {
		return meet(m, ps[m.Choose(len(ps))], ch, true, nil), true
	}
	if ch.closed {
		return m.Zero(ch.elem), false
	}
	ch.unsent = ch.unsent || isSignal(ch.elem) && neverSent(m, e.operand)
	// The outside will not close a channel from which the program takes a channel to go on with, and asks no question.
	trusted := !e.asks && holdsChan(ch.elem)
	if ch.open && !ch.signal && !ch.unsent && (trusted || m.Choose(2) == 0) {
		return m.Fresh(ch.elem), true
	}
	ch.closed, ch.foreign = true, true // the outside closed it
	// Code of this package has, in another call: whether it can do so now is not known.
	m.Supposed = m.Supposed || ch.unsent
	return m.Zero(ch.elem), false
}

// isSignal tells whether values of type t say nothing: a channel of them may be meant to be closed only.
func isSignal(t types.Type) bool {
	s, ok := t.Underlying().(*types.Struct)
	return ok && s.NumFields() == 0
}

// neverSent tells whether an operand is a channel in a variable of the package, on which the package sends nothing, and nobody
// else can.
func neverSent(m *machine.Machine, operand ssa.Value) bool {
	load, ok := operand.(*ssa.UnOp)
	if !ok {
		return false
	}
	use := survey(m).chans[ir.Variable(load.X)]
	return use != nil && !use.Sent && !use.Escapes
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

// communication is a send or a receive of its own.
type communication struct {
	machine.Site
	end1 end
}

// Send is ch <- v.
func Send(ch *Chan, v Value, site machine.Site) machine.Op {
	return &communication{site, end{ch: ch, send: true, val: v, pos: site.Pos, operand: site.Operand}}
}

// Receive is <-ch. With commaOk its result is a tuple of the value and whether it was sent.
func Receive(ch *Chan, commaOk bool, site machine.Site) machine.Op {
	return &communication{site, end{ch: ch, asks: commaOk, pos: site.Pos, operand: site.Operand}}
}

func (o *communication) Ready(m *machine.Machine, g *machine.G) machine.Readiness {
	return o.end1.ready(m, g)
}

func (o *communication) Perform(m *machine.Machine, g *machine.G) {
	if o.end1.send {
		m.Note(g, o.Pos, WaitSend.Name, o.Operand)
		o.end1.deliver(m, g)
		o.Complete(nil)
		return
	}
	m.Note(g, o.Pos, WaitReceive.Name, o.Operand)
	o.received(o.end1.take(m, g))
}

func (o *communication) received(v Value, ok bool) {
	if o.end1.asks {
		v = heap.Tuple{v, ok}
	}
	o.Complete(v)
}

func (o *communication) side(ch *Chan, send bool) int {
	if o.end1.ch == ch && o.end1.send == send {
		return 0
	}
	return -1
}

func (o *communication) end(int) *end { return &o.end1 }

func (o *communication) complete(m *machine.Machine, g *machine.G, _ int, v Value, ok bool) {
	if o.end1.send {
		m.Note(g, o.Pos, WaitSend.Name, o.Operand)
		o.Complete(nil)
		return
	}
	m.Note(g, o.Pos, WaitReceive.Name, o.Operand)
	o.received(v, ok)
}

func (o *communication) Trace(t heap.Tracer)                         { o.end1.trace(t) }
func (o *communication) Hope(alive machine.Alive, _ *machine.G) bool { return o.end1.hope(alive) }
func (o *communication) Help(outside machine.Alive) []func()         { return o.end1.help(outside) }

func (o *communication) Wait(*machine.Machine, *machine.G) machine.Wait {
	w := machine.Wait{Kind: WaitReceive, Nil: o.end1.ch == nil, Context: o.end1.isSignal()}
	if o.end1.send {
		w.Kind = WaitSend
	}
	if o.end1.ch != nil {
		w.Other = o.end1.ch.pos
	}
	return w
}

// Close closes ch, in a step of c.
func Close(c *machine.Call, ch *Chan) {
	m, g, pos, operand := c.M, c.G, c.Pos, c.Operand()
	c.Step(func() Value {
		switch {
		case ch == nil:
			m.Crashed(g, closeOfNil, pos, token.NoPos)
		case ch.closed && ch.foreign:
			m.Impossible()
		case ch.closed:
			m.Crashed(g, closeOfClosed, pos, ch.pos)
		default:
			m.Note(g, pos, "close %", operand)
			ch.closed = true
			for _, p := range partners(m, g, ch, true) {
				if o, ok := p.Op.(*communication); ok {
					m.Crashed(p, sendWhenClose, o.Pos, pos)
				}
			}
		}
		return nil
	})
}
