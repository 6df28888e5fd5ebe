package concur

import (
	"slices"

	"golang.org/x/tools/go/ssa"
)

// marker finds what can be reached, as a garbage collector does. It is the judge of the model, and the same one as
// that of the runtime's goroutine leak profile: a goroutine is stuck for good when nothing that may still run can
// reach what it waits for.
type marker struct {
	m    *machine
	seen map[any]bool
	live map[*G]bool
}

// stuck returns the goroutines that are blocked for good at the end of a run.
func (m *machine) stuck() []*G {
	if !slices.ContainsFunc(m.gs, m.waits) {
		return nil
	}
	k := m.mem.marker(m)
	for _, v := range m.env {
		k.mark(v)
	}
	for _, t := range m.timers {
		if t.active {
			for _, v := range t.refs {
				k.mark(v)
			}
		}
	}
	for _, g := range m.gs {
		if !g.done && !m.waits(g) {
			k.revive(g)
		}
		if s := g.counts; s != nil && s.group != nil && s.group.ctx != nil && s.group.doubt {
			k.cancels(s.group.ctx)
		}
	}
	for _, c := range m.global {
		k.mark(c)
	}
	for changed := true; changed; {
		changed = false
		for _, t := range m.timers { // who holds a timer that is stopped may start it again
			if t.cell != nil && k.seen[t.cell] && !k.seen[t] {
				k.seen[t], changed = true, true
				k.each(t.refs)
			}
		}
		for _, g := range m.gs {
			if g.done || k.live[g] {
				continue
			}
			if k.reaches(g) {
				k.revive(g)
				changed = true
			}
		}
	}
	m.marked += len(k.seen)
	var out []*G
	for _, g := range m.gs {
		if !g.done && !k.live[g] {
			out = append(out, g)
		}
	}
	return out
}

// waits tells whether g can only go on if another goroutine does something.
func (m *machine) waits(g *G) bool {
	return !g.done && !g.parked && g.op != nil && g.op.kind != opForever && m.readiness(g) == isBlocked
}

// reaches tells whether something alive can reach what g waits for.
func (k *marker) reaches(g *G) bool {
	o := g.op
	switch o.kind {
	case opSend, opRecv:
		return o.ch != nil && (o.ch.open || k.seen[o.ch])
	case opSelect:
		for _, c := range o.cases {
			if c.ch != nil && (c.ch.open || k.seen[c.ch]) {
				return true
			}
		}
		return false
	case opLock, opRLock:
		return k.lockable(o.s, g)
	case opOnce:
		return o.s.runner != nil && k.live[o.s.runner]
	case opWait:
		return o.s.open || k.seen[o.s] || o.s.uncountable()
	case opCond:
		return o.s.open || k.seen[o.s] && k.m.prog.signalled
	case opJoin:
		return o.s.open || k.seen[o.s]
	}
	return true
}

// lockable tells whether g may still get the lock s: somebody alive may release it. A lock is released by who holds it;
// that the outside can reach it does not help when its holder is one of the stuck.
func (k *marker) lockable(s *Sync, g *G) bool {
	free := true
	stuckHolder := false
	check := func(h *G) {
		switch {
		case h == nil:
		case k.live[h]:
			free = false
		case !h.done:
			stuckHolder = true
		default:
			free = false // its holder has ended: somebody else may have been meant to unlock it
		}
	}
	if s.locked {
		check(s.writer)
	}
	for _, h := range s.readers {
		check(h.g)
	}
	for _, w := range s.waitW {
		if w != g && k.live[w] {
			return true
		}
		if w != g && !w.done && !k.live[w] && g.op.kind == opRLock {
			stuckHolder = true
		}
	}
	if stuckHolder {
		return false
	}
	if free && !s.locked && len(s.readers) == 0 && len(s.waitW) == 0 {
		return true
	}
	return s.open || k.seen[s] || k.anyLiveHolder(s)
}

func (k *marker) anyLiveHolder(s *Sync) bool {
	if s.locked && s.writer != nil && k.live[s.writer] {
		return true
	}
	for _, h := range s.readers {
		if k.live[h.g] {
			return true
		}
	}
	return false
}

// revive marks g as alive, and all that it can reach.
func (k *marker) revive(g *G) {
	k.live[g] = true
	if g.counts != nil {
		k.mark(g.counts)
	}
	for _, f := range g.frames {
		live := f.info.liveIn(f.fn)
		set := f.info.liveAt(f.block, f.pc, live)
		for _, n := range f.info.index {
			if set[n/64]&(1<<(n%64)) != 0 {
				k.mark(f.regs[n])
			}
		}
		for _, d := range f.defers {
			k.mark(d.fn)
			for _, a := range d.args {
				k.mark(a)
			}
		}
	}
	if o := g.op; o != nil {
		k.mark(o.val)
		for _, c := range o.cases {
			k.mark(c.val)
			if c.ch != nil {
				k.mark(c.ch)
			}
		}
		if o.ch != nil {
			k.mark(o.ch)
		}
		if o.s != nil {
			k.mark(o.s)
		}
	}
}

// mark marks what v reaches. Values without an identity of their own are marked wherever they lie, objects once.
func (k *marker) mark(v Value) {
	switch v := v.(type) {
	case nil, bool, int64, float64, string, *ssa.Function, *ssa.Builtin:
	case structVal:
		k.cells(v)
	case arrayVal:
		k.cells(v)
	case sliceVal:
		k.cells(v)
	case tuple:
		k.each(v)
	case iface:
		k.mark(v.val)
	case *bound:
		k.mark(v.recv)
	case *iterator:
		if v.of != nil {
			k.mark(v.of)
		}
	case *rlocker:
		k.mark(v.of)
	case *ctxVal:
		k.markCtx(v)
	case *unknown:
		k.markUnknown(v)
	default:
		if !k.isSignal(v) && !k.once(v) {
			k.object(v)
		}
	}
}

// cells marks the cells of a struct, an array or a slice: somebody may hold a pointer to one.
func (k *marker) cells(vs []Value) {
	for i := range vs {
		k.mark(&vs[i])
	}
}

func (k *marker) each(vs []Value) {
	for _, v := range vs {
		k.mark(v)
	}
}

// isSignal tells whether v is the Done channel of a context. Whoever holds only that cannot end the context; see cancels.
func (k *marker) isSignal(v Value) bool {
	ch, ok := v.(*Chan)
	return ok && ch.signal
}

// object marks what an object reaches that is met for the first time.
func (k *marker) object(v Value) {
	switch v := v.(type) {
	case *Value:
		k.mark(*v)
	case *closure:
		k.each(v.env)
	case *native:
		k.each(v.refs)
		if v.cancels != nil {
			k.cancels(v.cancels)
		}
	case *mapVal:
		k.each(v.keys)
		k.each(v.vals)
	case *Chan:
		k.each(v.buf)
	case *Sync:
		k.mark(v.L)
		k.mark(v.val)
		if v.group != nil && v.group.ctx != nil {
			k.cancels(v.group.ctx)
		}
	}
}

func (k *marker) once(v any) bool {
	was := k.seen[v]
	k.seen[v] = true
	return was
}

// markCtx marks what a context reaches. Holding a context lets one wait for it, not end it: only its cancel function
// and its deadline end it. So a goroutine that waits for a context is stuck when the cancel function is gone, whoever
// holds the context itself.
func (k *marker) markCtx(v *ctxVal) {
	if !k.once(v) {
		k.mark(v.value)
		k.mark(v.parent)
	}
}

// cancels marks what the end of a context reaches: its Done channel and those of its children.
func (k *marker) cancels(v *ctxVal) {
	if v.done != nil {
		k.seen[v.done] = true
	}
	for _, c := range v.children {
		k.cancels(c)
	}
}

func (k *marker) markUnknown(u *unknown) {
	if k.once(u) {
		return
	}
	if u.cell != nil {
		k.mark(u.cell)
	}
	for _, f := range u.fields {
		k.mark(f)
	}
	for i := range u.slice {
		k.mark(&u.slice[i])
	}
	k.each(u.keys)
	k.each(u.vals)
	if u.ch != nil {
		k.mark(u.ch)
	}
	for _, a := range u.asserts {
		if a != nil {
			k.mark(a)
		}
	}
}

// outside returns something that can happen when nothing else can: the outside completes an operation on a channel of ours
// that it was given, or a WaitGroup that nobody can count is done.
func (m *machine) outside() func() {
	k := m.mem.marker(m)
	for _, v := range m.env {
		k.mark(v)
	}
	var acts []func()
	for _, g := range m.gs {
		if g.done || g.parked || g.op == nil {
			continue
		}
		for _, ch := range waitsOn(g.op) {
			if ch != nil && !ch.open && !ch.clock && k.seen[ch] {
				acts = append(acts, func() { ch.open = true })
			}
		}
		if o := g.op; o.kind == opWait && !o.s.open && (k.seen[o.s] || o.s.uncountable()) {
			acts = append(acts, func() { o.s.open = true })
		}
	}
	if len(acts) == 0 {
		return nil
	}
	m.supposed = true
	return acts[m.choose(len(acts))]
}

func waitsOn(o *op) []*Chan {
	switch o.kind {
	case opSend, opRecv:
		return []*Chan{o.ch}
	case opSelect:
		var cs []*Chan
		for _, c := range o.cases {
			cs = append(cs, c.ch)
		}
		return cs
	}
	return nil
}
