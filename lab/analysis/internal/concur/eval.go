package concur

import (
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// execute runs g until its next visible operation, its end, or the end of the run.
func (m *machine) execute(g *G) {
	for m.over == running && g.op == nil && !g.parked {
		if len(g.frames) == 0 {
			if !g.done {
				m.end(g)
			}
			return
		}
		if m.steps++; m.steps > m.limits.Steps {
			m.stop(exhausted)
			return
		}
		f := g.frames[len(g.frames)-1]
		if f.panics != calm {
			m.unwind(g, f)
			continue
		}
		m.step(g, f, f.block.Instrs[f.pc])
	}
}

// end finishes g.
func (m *machine) end(g *G) {
	g.done = true
	m.note(g, token.NoPos, "ends")
	if g.counts != nil {
		m.ended(g, g.counts)
	}
	if g.id == 0 {
		m.mainDone = true
		m.env = append(m.env, g.result)
		if m.prog.pkg.Pkg.Name() == "main" && g.fn != nil && g.fn.Name() == "main" {
			m.stop(exited)
		}
	}
}

func (m *machine) get(f *frame, v ssa.Value) Value {
	switch v := v.(type) {
	case *ssa.Const:
		return m.constVal(v)
	case *ssa.Global:
		return m.globalCell(v)
	case *ssa.Function, *ssa.Builtin:
		return v
	}
	return f.regs[f.info.index[v]]
}

func (m *machine) set(f *frame, v ssa.Value, x Value) {
	f.regs[f.info.index[v]] = x
}

func (m *machine) jump(g *G, f *frame, to *ssa.BasicBlock) {
	f.prev, f.block, f.pc = f.block, to, 0
	if f.info.heads[to] {
		if f.visits == nil {
			f.visits = make([]uint8, len(f.fn.Blocks))
		}
		n := f.visits[to.Index]
		if n < 255 {
			f.visits[to.Index]++
		}
		if f.info.large[to] && (n >= 2 || n == 1 && m.choose(2) == 0) {
			m.note(g, token.NoPos, "goes on to start more of the same")
			g.parked = true
		}
	}
	// Phis take their values at once.
	edge := -1
	for i, p := range to.Preds {
		if p == f.prev {
			edge = i
		}
	}
	var vals [8]Value
	n := 0
	for _, i := range to.Instrs {
		phi, ok := i.(*ssa.Phi)
		if !ok {
			break
		}
		v := m.get(f, phi.Edges[edge])
		if n < len(vals) {
			vals[n] = v
		} else {
			m.set(f, phi, v)
		}
		n++
	}
	for i := range min(n, len(vals)) {
		m.set(f, to.Instrs[i].(*ssa.Phi), vals[i])
	}
	f.pc = n
}

func (m *machine) step(g *G, f *frame, in ssa.Instruction) {
	if m.control(g, f, in) || m.communicate(g, f, in) {
		return
	}
	switch in := in.(type) {
	case *ssa.Defer:
		fn, args := m.prepare(f, &in.Call)
		f.defers = append(f.defers, deferred{fn: fn, args: args, call: &in.Call, pos: in.Pos()})
	case *ssa.UnOp:
		m.set(f, in, m.unop(in, m.get(f, in.X)))
	case *ssa.Store:
		c := m.deref(m.get(f, in.Addr))
		if c == nil {
			m.stop(pruned)
			return
		}
		m.store(c, copyVal(m.get(f, in.Val)))
	case *ssa.MapUpdate:
		m.mapUpdate(f, in)
	case *ssa.DebugRef, *ssa.RunDefers:
	case ssa.Value:
		m.set(f, in, m.value(f, in))
	default:
		m.stop(pruned)
		return
	}
	f.pc++
}

// control executes an instruction that decides itself where f goes on; false if in is none.
func (m *machine) control(g *G, f *frame, in ssa.Instruction) bool {
	switch in := in.(type) {
	case *ssa.If:
		m.branch(g, f, in)
	case *ssa.Jump:
		m.jump(g, f, f.block.Succs[0])
	case *ssa.Return:
		m.doReturn(g, f, in)
	case *ssa.Call:
		m.doCall(g, f, &in.Call, in)
	case *ssa.RunDefers:
		n := len(f.defers)
		if n == 0 {
			return false
		}
		d := f.defers[n-1]
		f.defers = f.defers[:n-1]
		m.invoke(&call{m: m, g: g, args: d.args, common: d.call, pos: d.pos, deferOf: f}, d.fn)
	case *ssa.Panic:
		if !g.recovers() { // the process ends
			m.stop(exited)
			return true
		}
		f.panics, f.value, f.at = panicking, m.get(f, in.X), in.Pos()
	default:
		return false
	}
	return true
}

// communicate executes an instruction at which other goroutines may go on first; false if in is none.
func (m *machine) communicate(g *G, f *frame, in ssa.Instruction) bool {
	switch in := in.(type) {
	case *ssa.Go:
		fn, args := m.prepare(f, &in.Call)
		f.pc++
		ng := m.spawn(fn, args, in.Pos())
		m.note(g, in.Pos(), "starts "+goName(ng))
		g.op = &op{kind: opStep, pos: in.Pos()}
	case *ssa.Send:
		g.op = &op{kind: opSend, ch: m.chanOf(m.get(f, in.Chan)), val: copyVal(m.get(f, in.X)), pos: in.Pos(),
			name: "send", object: in.Chan, done: func(Value) { f.pc++ }}
	case *ssa.Select:
		m.doSelectInstr(g, f, in)
	case *ssa.UnOp:
		if in.Op != token.ARROW {
			return false
		}
		g.op = &op{kind: opRecv, ch: m.chanOf(m.get(f, in.X)), pos: in.Pos(), commaOk: in.CommaOk,
			name: "receive", object: in.X, done: func(v Value) { m.set(f, in, v); f.pc++ }}
	default:
		return false
	}
	return true
}

// store writes v to c. A struct keeps its identity: pointers to its fields stay good.
func (m *machine) store(c *Value, v Value) {
	switch old := (*c).(type) {
	case structVal:
		if v, ok := v.(structVal); ok && len(v) == len(old) {
			for i := range old {
				m.store(&old[i], v[i])
			}
			return
		}
		if u, ok := v.(*unknown); ok {
			if st, ok := u.typ.Underlying().(*types.Struct); ok && st.NumFields() == len(old) {
				for i := range old {
					m.store(&old[i], m.field(u, i, st.Field(i).Type()))
				}
				return
			}
		}
	case arrayVal:
		if v, ok := v.(arrayVal); ok && len(v) == len(old) {
			for i := range old {
				m.store(&old[i], v[i])
			}
			return
		}
	case *Sync:
		if u, ok := v.(*unknown); ok {
			*c = &Sync{kind: old.kind, open: true, typ: u.typ}
			return
		}
	}
	*c = v
}

func (m *machine) doSelectInstr(g *G, f *frame, in *ssa.Select) {
	o := &op{kind: opSelect, block: in.Blocking, pos: in.Pos(), name: "select"}
	for _, s := range in.States {
		c := selCase{send: s.Dir == types.SendOnly, ch: m.chanOf(m.get(f, s.Chan)), pos: s.Pos, expr: s.Chan}
		if c.send {
			c.val = copyVal(m.get(f, s.Send))
		}
		o.cases = append(o.cases, c)
	}
	if len(o.cases) == 0 && in.Blocking {
		o.kind = opForever
	}
	for _, r := range *in.Referrers() {
		if x, ok := r.(*ssa.Extract); ok && x.Index == 1 {
			o.asks(x)
		}
	}
	o.done = func(v Value) { m.set(f, in, v); f.pc++ }
	g.op = o
}

// branch takes a side of an if: the known one, or a choice that is remembered.
func (m *machine) branch(g *G, f *frame, in *ssa.If) {
	taken := false
	switch c := m.get(f, in.Cond).(type) {
	case bool:
		taken = c
	case *unknown:
		if !c.decided {
			m.measure(c, f.info.heads[f.block] || f.info.spawns[f.block] != nil || slices.ContainsFunc(f.block.Succs, f.info.isHead))
			outcome, known := m.follows(c)
			if !known {
				outcome = m.decide(f, in, c)
			}
			c.decided, c.outcome = true, outcome
			m.learn(c)
		}
		taken = c.outcome
	default:
		m.stop(pruned)
		return
	}
	if taken {
		m.jump(g, f, f.block.Succs[0])
	} else {
		m.jump(g, f, f.block.Succs[1])
	}
}

// decide takes a side of an undecided branch. A loop that starts goroutines is entered: that a pool of workers may have none
// is no news to anybody, and a report of it helps nobody.
func (m *machine) decide(f *frame, in *ssa.If, c *unknown) bool {
	if way := f.info.spawns[f.block]; way != nil && (!f.info.heads[f.block] || f.visits[f.block.Index] == 1) {
		return way == f.block.Succs[0]
	}
	return m.usual(f, in, c) == (m.choose(2) == 0)
}

// usual guesses which side of an undecided branch is the common one; the other costs a deviation.
func (m *machine) usual(f *frame, in *ssa.If, c *unknown) bool {
	if f.info.heads[f.block] {
		// Enter a loop twice, then leave it.
		enter := f.block.Succs[0].Dominates(f.prev) || reaches(f.block.Succs[0], f.block)
		again := int(f.visits[f.block.Index]) <= 2
		return enter == again
	}
	if b, ok := in.Cond.(*ssa.BinOp); ok {
		if k, ok := b.Y.(*ssa.Const); ok && k.IsNil() {
			isErr := types.Identical(b.X.Type(), types.Universe.Lookup("error").Type())
			return (b.Op == token.EQL) == isErr // errors are nil, pointers are not
		}
	}
	return false
}

// reaches tells whether a path leads from b to the block it loops back to.
func reaches(b, to *ssa.BasicBlock) bool {
	seen := map[*ssa.BasicBlock]bool{}
	var walk func(*ssa.BasicBlock) bool
	walk = func(b *ssa.BasicBlock) bool {
		if b == to {
			return true
		}
		if seen[b] || len(seen) > 200 {
			return false
		}
		seen[b] = true
		for _, s := range b.Succs {
			if walk(s) {
				return true
			}
		}
		return false
	}
	return walk(b)
}

// learn records what the outcome of a comparison tells about its operands.
func (m *machine) learn(c *unknown) {
	key := c.formula
	if key.op == token.NOT {
		if x, ok := key.x.(*unknown); ok && !x.decided {
			x.decided, x.outcome = true, !c.outcome
			m.learn(x)
		}
		return
	}
	if key.op == token.LSS || key.op == token.EQL {
		relate(c, key.x, key.y)
	}
	if key.op == token.LSS && !ordered(key.x, key.y, c.outcome) || key.op == token.EQL && !equated(key.x, key.y, c.outcome) {
		m.stop(pruned)
	}
	if key.op != token.EQL {
		return
	}
	if u, ok := key.x.(*unknown); ok {
		if key.y == nil {
			u.nilSet, u.isNil = true, c.outcome
		} else if c.outcome && scalar(key.y) {
			u.equal = key.y
		}
	}
}

func (m *machine) doReturn(g *G, f *frame, in *ssa.Return) {
	var v Value
	switch len(in.Results) {
	case 0:
	case 1:
		v = copyVal(m.get(f, in.Results[0]))
	default:
		t := make(tuple, len(in.Results))
		for i, r := range in.Results {
			t[i] = copyVal(m.get(f, r))
		}
		v = t
	}
	m.pop(g, f, v)
}

// pop leaves frame f with result v.
func (m *machine) pop(g *G, f *frame, v Value) {
	g.frames = g.frames[:len(g.frames)-1]
	if f.ret != nil {
		f.ret(v)
	}
}

// unwind runs the deferred calls of a panicking or exiting frame, then leaves it.
func (m *machine) unwind(g *G, f *frame) {
	if n := len(f.defers); n > 0 {
		d := f.defers[n-1]
		f.defers = f.defers[:n-1]
		was := f.panics
		m.invoke(&call{m: m, g: g, args: d.args, common: d.call, pos: d.pos, deferOf: f}, d.fn)
		if was == panicking && f.panics == calm { // a native recovered
			return
		}
		return
	}
	if f.value == recovered {
		f.value = nil
		if f.fn.Recover != nil {
			f.panics = calm
			f.prev, f.block, f.pc = f.block, f.fn.Recover, 0
			return
		}
		m.pop(g, f, m.zero(f.fn.Signature.Results()))
		return
	}
	g.frames = g.frames[:len(g.frames)-1]
	if len(g.frames) == 0 {
		if f.panics == panicking {
			m.stop(exited)
		}
		return
	}
	up := g.frames[len(g.frames)-1]
	up.panics, up.value, up.at = f.panics, f.value, f.at
}

// recovered marks a panicking frame whose panic a deferred function has recovered.
var recovered Value = &native{name: "recovered"}

func goName(g *G) string {
	if g.fn != nil {
		return "goroutine " + itoa(g.id) + ", " + g.fn.Name()
	}
	return "goroutine " + itoa(g.id)
}
