package prim

import (
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/heap"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/ir"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
)

var _ = define(primitive{
	contents: map[string]content{"sync.RWMutex": func(_ *heap.Space, t types.Type, open bool) heap.Content {
		return &RWMutex{open: open, typ: t}
	}},
	funcs: map[string]function{
		"(*sync.RWMutex).Lock":     {Waits | Locks, lockRW},
		"(*sync.RWMutex).TryLock":  {Tries, tryLockRW},
		"(*sync.RWMutex).Unlock":   {0, unlockRW},
		"(*sync.RWMutex).RLock":    {Waits | Locks, rlockRW},
		"(*sync.RWMutex).TryRLock": {Tries, tryRLockRW},
		"(*sync.RWMutex).RUnlock":  {0, runlockRW},
		"(*sync.RWMutex).RLocker":  {0, rlockerRW},
	},
})

// RWMutex is a sync.RWMutex. A writer that has begun to wait keeps new readers out.
type RWMutex struct {
	open    bool // others have it too
	locked  bool // for writing
	writer  *machine.G
	at      token.Pos
	readers []reader
	waiting []*machine.G // writers that have begun to wait
	typ     types.Type
}

// reader is a read lock that g took at pos.
type reader struct {
	g   *machine.G
	pos token.Pos
}

// WaitRLock is to wait for an RWMutex to read.
var WaitRLock = &machine.WaitKind{Name: "RLock", Subject: machine.Locks, Weight: 2}

var runlockOfUnlocked = &machine.CrashKind{What: "RUnlock of unlocked RWMutex", Subject: machine.Locks}

// Copy copies its state, as an assignment does; nobody waits for the copy.
func (x *RWMutex) Copy() heap.Content {
	c := *x
	c.readers, c.waiting = slices.Clone(x.readers), nil
	return &c
}

// Trace has nothing to follow.
func (x *RWMutex) Trace(heap.Tracer) {}

func (x *RWMutex) lockOp(site machine.Site) machine.Op { return &writeLock{Site: site, x: x} }

func (x *RWMutex) release(*machine.G) bool {
	if !x.locked && !x.open {
		return false
	}
	x.locked, x.writer = false, nil
	return true
}

func (x *RWMutex) take(g *machine.G, pos token.Pos) { x.locked, x.writer, x.at = true, g, pos }

// free tells whether a writer could have it.
func (x *RWMutex) free() bool { return !x.locked && len(x.readers) == 0 }

func (x *RWMutex) releaseRead(g *machine.G) bool {
	if len(x.readers) == 0 {
		return x.open
	}
	drop := len(x.readers) - 1
	for i, r := range x.readers {
		if r.g == g {
			drop = i
		}
	}
	x.readers = slices.Delete(slices.Clone(x.readers), drop, drop+1)
	return true
}

func lockRW(c *machine.Call) {
	if x, ok := at[*RWMutex](c); ok {
		c.G.Op = x.lockOp(c.Site())
	}
}

func unlockRW(c *machine.Call) {
	if x, ok := at[*RWMutex](c); ok {
		unlock(c, x)
	}
}

func tryLockRW(c *machine.Call) {
	if x, ok := at[*RWMutex](c); ok {
		g, pos := c.G, c.Pos
		c.Step(func() Value {
			if !x.free() {
				return false
			}
			x.take(g, pos)
			return true
		})
	}
}

func rlockRW(c *machine.Call) {
	if x, ok := at[*RWMutex](c); ok {
		c.G.Op = &readLock{c.Site(), x}
		x.letWriterWait(c.M, c.G, c.Operand())
	}
}

func tryRLockRW(c *machine.Call) {
	if x, ok := at[*RWMutex](c); ok {
		g, pos := c.G, c.Pos
		c.Step(func() Value {
			if x.locked || len(x.waiting) > 0 {
				return false
			}
			x.readers = append(x.readers, reader{g, pos})
			return true
		})
	}
}

func runlockRW(c *machine.Call) {
	if x, ok := at[*RWMutex](c); ok {
		x.runlock(c)
	}
}

func (x *RWMutex) runlock(c *machine.Call) {
	released(c, &rlocker{x}, "RUnlock %", runlockOfUnlocked)
}

func rlockerRW(c *machine.Call) {
	if x, ok := at[*RWMutex](c); ok {
		c.Result(heap.Iface{Type: types.NewPointer(x.typ), Val: &rlocker{x}})
	}
}

// rlocker is what RLocker returns.
type rlocker struct{ x *RWMutex }

func (r *rlocker) Trace(t heap.Tracer) { t.Mark(r.x) }

func (r *rlocker) Method(c *machine.Call, name string) bool {
	if name == "Lock" {
		c.G.Op = r.lockOp(c.Site())
	} else {
		r.x.runlock(c)
	}
	return true
}

func (r *rlocker) lockOp(site machine.Site) machine.Op { return &readLock{site, r.x} }
func (r *rlocker) release(g *machine.G) bool           { return r.x.releaseRead(g) }

// writeLock is Lock.
type writeLock struct {
	machine.Site
	x       *RWMutex
	waiting bool // it has begun to wait
}

// Ready tells that beginning to wait is itself a step: from then on new readers wait behind the writer.
func (o *writeLock) Ready(*machine.Machine, *machine.G) machine.Readiness {
	if o.x.free() || !o.waiting {
		return machine.Ready
	}
	return machine.Blocked
}

func (o *writeLock) Perform(m *machine.Machine, g *machine.G) {
	x := o.x
	if !x.free() {
		o.waiting = true
		x.waiting = append(x.waiting, g)
		g.Op = o
		m.Note(g, o.Pos, "begins to wait for Lock %", o.Operand)
		return
	}
	x.waiting = slices.DeleteFunc(slices.Clone(x.waiting), func(w *machine.G) bool { return w == g })
	x.take(g, o.Pos)
	m.Note(g, o.Pos, "Lock %", o.Operand)
	o.Complete(nil)
}

func (o *writeLock) Trace(t heap.Tracer) { t.Mark(o.x) }

func (o *writeLock) Hope(alive machine.Alive, g *machine.G) bool { return o.x.hope(alive, g, false) }

func (o *writeLock) Wait(_ *machine.Machine, g *machine.G) machine.Wait {
	return o.x.wait(WaitLock, g)
}

// readLock is RLock.
type readLock struct {
	machine.Site
	x *RWMutex
}

func (o *readLock) Ready(*machine.Machine, *machine.G) machine.Readiness {
	if o.x.locked || len(o.x.waiting) > 0 {
		return machine.Blocked
	}
	return machine.Ready
}

func (o *readLock) Perform(m *machine.Machine, g *machine.G) {
	m.Note(g, o.Pos, "RLock %", o.Operand)
	o.x.readers = append(o.x.readers, reader{g, o.Pos})
	o.Complete(nil)
}

func (o *readLock) Trace(t heap.Tracer) { t.Mark(o.x) }

func (o *readLock) Hope(alive machine.Alive, g *machine.G) bool { return o.x.hope(alive, g, true) }

func (o *readLock) Wait(_ *machine.Machine, g *machine.G) machine.Wait {
	return o.x.wait(WaitRLock, g)
}

// hope tells whether g may still get the lock: somebody alive may release it. A lock is released by who holds it; that the
// outside can reach it does not help when a holder, or for a reader a writer before it, is one of the stuck. If a holder has
// ended, somebody else may be meant to release it.
func (x *RWMutex) hope(alive machine.Alive, g *machine.G, read bool) bool {
	held, stuck, lives := false, false, false
	holder := func(h *machine.G) {
		switch {
		case h == nil:
		case alive.Goroutine(h):
			held, lives = true, true
		case !h.Done:
			stuck = true
		default:
			held = true
		}
	}
	if x.locked {
		holder(x.writer)
	}
	for _, r := range x.readers {
		holder(r.g)
	}
	for _, w := range x.waiting {
		switch {
		case w == g:
		case alive.Goroutine(w):
			return true
		case read && !w.Done:
			stuck = true
		}
	}
	if stuck {
		return false
	}
	if !held && x.free() && len(x.waiting) == 0 {
		return true
	}
	return x.open || alive.Has(x) || lives
}

func (x *RWMutex) wait(kind *machine.WaitKind, g *machine.G) machine.Wait {
	w := machine.Wait{Kind: kind}
	switch {
	case x.locked:
		w.Other, w.Holder = x.at, x.writer
	case len(x.readers) > 0:
		r := x.readers[0]
		if i := slices.IndexFunc(x.readers, func(r reader) bool { return r.g == g }); i >= 0 {
			r, w.Again = x.readers[i], kind == WaitRLock
		}
		w.Other, w.Holder = r.pos, r.g
	}
	return w
}

// writer is a place where the package locks an RWMutex for writing.
type writer struct {
	fn  *ssa.Function
	pos token.Pos
	of  ssa.Value
}

// writersOf returns the first such place for each RWMutex that is a global variable, or a field of a struct.
func writersOf(fns []*ssa.Function) map[types.Object]*writer {
	out := make(map[types.Object]*writer)
	for _, f := range fns {
		for _, b := range f.Blocks {
			for _, in := range b.Instrs {
				call, ok := in.(*ssa.Call)
				if !ok {
					continue
				}
				if c := call.Call.StaticCallee(); c == nil || ir.FullName(c) != "(*sync.RWMutex).Lock" {
					continue
				}
				of := call.Call.Args[0]
				if v := ir.Variable(of); v != nil && out[v] == nil {
					out[v] = &writer{f, call.Pos(), of}
				}
			}
		}
	}
	return out
}

// letWriterWait lets a goroutine that is not in the model begin to write, while g is about to read once more what it already
// reads, if the package writes it anywhere: from then on new readers wait for the writer, and the writer waits for g (see
// sync.RWMutex). One run in two is without.
func (x *RWMutex) letWriterWait(m *machine.Machine, g *machine.G, operand ssa.Value) {
	w := survey(m).writers[ir.Variable(operand)]
	reads := slices.ContainsFunc(x.readers, func(r reader) bool { return r.g == g })
	if !x.open || len(x.waiting) > 0 || w == nil || !reads || m.Choose(2) == 0 {
		return
	}
	lock := &writeLock{x: x, waiting: true}
	lock.Pos, lock.Operand = w.pos, w.of
	lock.Done = func(Value) { x.locked, x.writer = false, nil }
	other := &machine.G{ID: len(m.Gs), Fn: w.fn, Op: lock}
	m.Gs = append(m.Gs, other)
	x.waiting = append(x.waiting, other)
	m.Note(other, w.pos, "begins to wait for Lock %", w.of)
}
