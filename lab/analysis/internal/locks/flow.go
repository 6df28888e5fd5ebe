package locks

import (
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/ends"
)

// flow is one function with what is held where each of its blocks begins.
type flow struct {
	w  *Walker
	f  *ssa.Function
	in [][]config // by block

	bits         map[condition]int
	conds        []condition
	about        map[ssa.Value][]int // the conditions that ask about a value
	storedFields map[*types.Var]bool
	owners       map[*ssa.Phi]bool // variables with locks in them

	handed []Held // released without having been held
	cut    bool   // there were more ways than are followed
}

// Bounds on the ways that are followed apart from each other. Functions with locks have one or two ways at most places; the
// first bound is met by a long list of options, the second by a function that takes locks in a loop.
const (
	manyWays    = 12  // from here on, conditions are forgotten
	tooManyWays = 24  // from here on, ways are
	mostSteps   = 600 // block entries of one function
)

func newFlow(w *Walker, f *ssa.Function) *flow {
	fl := &flow{w: w, f: f, in: make([][]config, len(f.Blocks)), bits: make(map[condition]int),
		about: make(map[ssa.Value][]int), owners: make(map[*ssa.Phi]bool), storedFields: make(map[*types.Var]bool)}
	fl.prepare()
	return fl
}

// run follows the function from an entry at which these locks are held.
func (fl *flow) run(entry []Held) {
	type item struct {
		b *ssa.BasicBlock
		c config
	}
	start := config{held: slices.Clone(entry)}
	fl.in[0] = []config{start}
	work := []item{{fl.f.Blocks[0], start}}
	for steps := 0; len(work) > 0; steps++ {
		if steps == mostSteps {
			fl.cut = true
			return
		}
		it := work[0]
		work = work[1:]
		for _, c := range fl.block(it.b, it.c) {
			for i, s := range it.b.Succs {
				next, ok := fl.along(c.clone(), it.b, i)
				if !ok {
					continue
				}
				if len(fl.in[s.Index]) >= manyWays {
					next.known, next.value = 0, 0
				}
				if len(fl.in[s.Index]) >= tooManyWays {
					fl.cut = true
					continue
				}
				var fresh bool
				if fl.in[s.Index], fresh = add(fl.in[s.Index], next); fresh {
					work = append(work, item{s, next})
				}
			}
		}
	}
}

// panicking is a way in which a function panics, with what stays locked then: deferred calls have run.
type panicking struct {
	at   ssa.Instruction
	held []Held
}

// panics returns where the function panics, by itself or in a callee that always does.
func (fl *flow) panics() (out []panicking) {
	for _, b := range fl.f.Blocks {
		var cur []config
		for _, c := range fl.in[b.Index] {
			cur = append(cur, c.clone())
		}
		for _, in := range b.Instrs {
			call, isCall := in.(*ssa.Call)
			_, isPanic := in.(*ssa.Panic)
			isPanic = isPanic && in.Pos().IsValid() // else the compiler's own, against a misuse of range over a function
			if isPanic || isCall && OpOf(call).Action == None && fl.w.ends.Call(call) == ends.Panics {
				for _, c := range cur {
					for _, way := range fl.runDefers(c.clone()) {
						out = append(out, panicking{in, own(way.held)})
					}
				}
				break
			}
			var next []config
			for _, c := range cur {
				next = append(next, fl.step(in, c)...)
			}
			cur = next
		}
	}
	return out
}

// own returns those of the locks that the function has taken itself.
func own(held []Held) (out []Held) {
	for _, h := range held {
		if h.Taken != nil {
			out = append(out, h)
		}
	}
	return out
}

// each calls visit for the instructions of all blocks that are reached.
func (fl *flow) each(visit func(ssa.Instruction, State)) {
	for _, b := range fl.f.Blocks {
		if len(fl.in[b.Index]) > 0 {
			fl.through(b, visit)
		}
	}
}

// through follows all ways through b, one instruction at a time, and returns those that come to its end: to its last
// instruction, if that is a panic.
func (fl *flow) through(b *ssa.BasicBlock, visit func(ssa.Instruction, State)) []config {
	var cur []config
	for _, c := range fl.in[b.Index] {
		cur = append(cur, c.clone())
	}
	for _, in := range b.Instrs {
		if len(cur) == 0 {
			return nil
		}
		if visit != nil {
			switch in.(type) {
			case *ssa.Defer:
			case *ssa.RunDefers:
				fl.visitDefers(cur, visit)
			default:
				visit(in, stateOf(cur))
			}
		}
		var next []config
		for _, c := range cur {
			for _, d := range fl.step(in, c) {
				next, _ = add(next, d)
			}
		}
		cur = next
	}
	return cur
}

// visitDefers visits the deferred calls in the order in which they run.
func (fl *flow) visitDefers(cur []config, visit func(ssa.Instruction, State)) {
	at := make(map[*ssa.Defer][]config)
	var order []*ssa.Defer
	for _, c := range cur {
		ways := []config{c.clone()}
		for _, d := range slices.Backward(c.defers) {
			if at[d] == nil {
				order = append(order, d)
			}
			at[d] = append(at[d], ways...)
			var next []config
			for _, way := range ways {
				next = append(next, fl.call(d, way.clone())...)
			}
			ways = next
		}
	}
	for _, d := range order {
		visit(d, stateOf(at[d]))
	}
}

// block returns the ways at the end of b for one at its beginning.
func (fl *flow) block(b *ssa.BasicBlock, c config) []config {
	cur := []config{c.clone()}
	for _, in := range b.Instrs {
		var next []config
		for _, c := range cur {
			for _, d := range fl.step(in, c) {
				next, _ = add(next, d)
			}
		}
		cur = next
	}
	return cur
}

// step returns the ways after in for one before it: none if it does not return.
func (fl *flow) step(in ssa.Instruction, c config) []config {
	if v, ok := in.(ssa.Value); ok && c.known != 0 {
		if _, phi := in.(*ssa.Phi); !phi {
			fl.redefined(&c, v)
		}
	}
	switch in := in.(type) {
	case *ssa.Call:
		return fl.call(in, c)
	case *ssa.Defer:
		if !slices.Contains(c.defers, in) {
			c.defers = append(c.defers, in)
		}
	case *ssa.RunDefers:
		return fl.runDefers(c)
	}
	return []config{c}
}

// runDefers returns the ways after the deferred calls have run, the last one first.
func (fl *flow) runDefers(c config) []config {
	ways := []config{c}
	for _, d := range slices.Backward(c.defers) {
		var next []config
		for _, way := range ways {
			next = append(next, fl.call(d, way.clone())...)
		}
		ways = next
	}
	for i := range ways {
		ways[i].defers = nil
	}
	return ways
}

// call returns the ways after a call, or after a deferred call has run.
func (fl *flow) call(in ssa.CallInstruction, c config) []config {
	switch op := OpOf(in); op.Action {
	case Take:
		c.take(Held{op.Lock, op.Mode, in})
		return []config{c}
	case Release:
		if !c.release(op.Lock) && !c.release(sameByAnotherWay(c.held, op.Lock, in)) {
			fl.hand(op.Lock, op.Mode)
		}
		return []config{c}
	case Try:
		return fl.try(in, op, c)
	}
	if fl.w.ends.Call(in) != ends.Nothing {
		return nil
	}
	if p, ok := releaser(in.Common().Value); ok {
		c.release(p)
		return []config{c}
	}
	callee := Callee(in)
	if callee == nil || !fl.w.relevant(callee) {
		return []config{c}
	}
	s := fl.w.summary(callee)
	var out []config
	for _, o := range s.outcomes {
		if next, ok := fl.apply(c.clone(), o, s.handed, callee, in); ok {
			out, _ = add(out, next)
		}
	}
	return out
}

// sameByAnotherWay returns the lock that is released by in under the name p, which is not held: if the function has taken the
// same field, reached from the same value by other fields, it is taken to be that one (n.mount.mu is n.mountPoint.mu).
func sameByAnotherWay(held []Held, p Place, in ssa.CallInstruction) Place {
	field := lockField(in)
	for _, h := range slices.Backward(held) {
		if field != nil && h.Taken != nil && h.Lock.Root == p.Root && lockField(h.Taken) == field {
			return h.Lock
		}
	}
	return p
}

// lockField returns the field that in takes or releases by itself; nil if it is no field, or a callee does it.
func lockField(in ssa.CallInstruction) *types.Var {
	if OpOf(in).Action == None || len(in.Common().Args) == 0 {
		return nil
	}
	if x, ok := in.Common().Args[0].(*ssa.FieldAddr); ok {
		return FieldOf(x)
	}
	return nil
}

func (fl *flow) hand(p Place, mode Mode) {
	if _, ok := find(fl.handed, p); !ok {
		fl.handed = append(fl.handed, Held{Lock: p, Mode: mode})
	}
}

func (fl *flow) try(in ssa.CallInstruction, op Op, c config) []config {
	held, free := c, c.clone()
	held.take(Held{op.Lock, op.Mode, in})
	v, ok := in.(*ssa.Call)
	if !ok {
		return []config{held, free}
	}
	if bit := fl.bit(condition{what: Place{Root: v}}); bit >= 0 {
		held.decide(bit, true)
		free.decide(bit, false)
	}
	return []config{held, free}
}

// apply returns c after the callee has returned with o; false if it cannot have done so.
func (fl *flow) apply(c config, o outcome, handed []Held, callee *ssa.Function, in ssa.CallInstruction) (config, bool) {
	for _, when := range o.when {
		w, constant, ok := fl.translateCondition(when, callee, in)
		switch {
		case !ok:
		case constant:
			if !w.is {
				return c, false
			}
		default:
			if bit := fl.bit(w.condition); bit >= 0 && !c.decide(bit, w.is) {
				return c, false
			}
		}
	}
	if !fl.believe(&c, in, o.result) {
		return c, false
	}
	for _, p := range o.touched {
		q, ok := Translate(p, callee, in)
		if !ok {
			continue
		}
		mode, _ := find(handed, p)
		if i := c.index(q); i < 0 {
			fl.hand(q, mode)
		} else if c.held[i].Taken == nil && !slices.Contains(c.touched, q) {
			c.touched = append(c.touched, q)
		}
		if slices.Contains(o.gone, p) {
			c.release(q)
		}
	}
	for _, h := range o.taken {
		if q, ok := Translate(h.Lock, callee, in); ok {
			c.take(Held{q, h.Mode, in})
		}
	}
	return c, true
}

// believe notes what the result of a call says of the way that it went.
func (fl *flow) believe(c *config, in ssa.CallInstruction, v verdict) bool {
	call, ok := in.(*ssa.Call)
	if !ok || v == unclear {
		return true
	}
	var result ssa.Value = call
	if tuple, ok := call.Type().(*types.Tuple); ok {
		result = nil
		for _, r := range *call.Referrers() {
			if e, ok := r.(*ssa.Extract); ok && e.Index == tuple.Len()-1 {
				result = e
			}
		}
	}
	if result == nil {
		return true
	}
	cond := condition{what: Place{Root: result}}
	if isError(result.Type()) {
		cond.op, cond.value = token.EQL, "nil"
	}
	bit, tracked := fl.bits[cond]
	return !tracked || c.decide(bit, v == yes)
}
