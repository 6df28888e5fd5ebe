package locks

import (
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/ends"
)

// Walker follows the locks through the functions of a package. It remembers what it learns about each, and is not safe
// for concurrent use.
//
// A function is followed on all its ways at once, apart from each other as far as they differ in what is held: branches that
// ask the same go the same way, and a callee that says by its result whether it has taken a lock is believed.
type Walker struct {
	ends  ends.Knowledge
	known map[*ssa.Function]*summary
	busy  map[*ssa.Function]bool
	locks map[*ssa.Function]bool // whether the function has to do with locks
}

// NewWalker returns a Walker that knows nothing yet.
func NewWalker() *Walker {
	return &Walker{known: make(map[*ssa.Function]*summary), busy: make(map[*ssa.Function]bool), locks: make(map[*ssa.Function]bool)}
}

// summary is what a function does with the locks of its caller, in its own places.
type summary struct {
	outcomes []outcome // the ways in which it may return
	handed   []Held    // released on some way, so held at the call
}

// outcome is one way in which a function returns.
type outcome struct {
	when    []fallen
	taken   []Held  // held now, and not at the call
	touched []Place // held at the call, and released at some time
	gone    []Place // of these, no longer held
	result  verdict // of the last result
}

// fallen is how a condition about the function's own parameters fell.
type fallen struct {
	condition
	is bool
}

// verdict is what is known of a result: a bool, or an error.
type verdict int

const (
	unclear verdict = iota
	yes             // true, or no error
	no
)

// Walk calls visit for each reachable instruction of f with what is held before it. A lock that f releases without having
// taken it was handed over to f: it is held from the start. A deferred call is visited when it runs, not when it is deferred.
func (w *Walker) Walk(f *ssa.Function, visit func(in ssa.Instruction, s State)) {
	if len(f.Blocks) == 0 {
		return
	}
	if !w.relevant(f) {
		for _, b := range f.Blocks {
			for _, in := range b.Instrs {
				visit(in, State{})
			}
		}
		return
	}
	w.followed(f).each(visit)
}

// Exit is one way in which a function ends.
type Exit struct {
	At    ssa.Instruction // a Return, or what panics
	Held  []Held          // that the function has taken itself
	Freed []Place         // taken by the function, and released again
}

// Exits returns the ways in which f returns, nil if there are more than were followed.
func (w *Walker) Exits(f *ssa.Function) (exits []Exit) {
	if len(f.Blocks) == 0 || !w.relevant(f) {
		return nil
	}
	fl := w.followed(f)
	if fl.cut {
		return nil
	}
	for _, b := range f.Blocks {
		if ret, ok := b.Instrs[len(b.Instrs)-1].(*ssa.Return); ok {
			for _, c := range fl.through(b, nil) {
				exits = append(exits, Exit{At: ret, Held: own(c.held), Freed: c.freed})
			}
		}
	}
	return exits
}

// Panics returns the ways in which f panics, with what stays locked then.
func (w *Walker) Panics(f *ssa.Function) (exits []Exit) {
	if len(f.Blocks) == 0 || !w.relevant(f) {
		return nil
	}
	for _, p := range w.followed(f).panics() {
		exits = append(exits, Exit{At: p.at, Held: p.held})
	}
	return exits
}

// Handed returns the locks that f releases without having taken them.
func (w *Walker) Handed(f *ssa.Function) []Held { return w.summary(f).handed }

// Touched returns those locks of its caller that c's callee releases, even if it takes them again: the callee does not hold
// them all the time.
func (w *Walker) Touched(c ssa.CallInstruction) (out []Place) {
	callee := Callee(c)
	if callee == nil {
		return nil
	}
	for _, o := range w.summary(callee).outcomes {
		out = append(out, w.translated(o.touched, callee, c)...)
	}
	return out
}

// Effect returns the locks that c's callee, a function of the same package, takes for its caller, and those of its caller
// that it releases for good on some way, as the caller names them. The same goes for a callee that is deferred or started.
func (w *Walker) Effect(c ssa.CallInstruction) (taken []Held, gone []Place) {
	callee := Callee(c)
	if callee == nil {
		return nil, nil
	}
	for _, o := range w.summary(callee).outcomes {
		for _, h := range o.taken {
			if p, ok := Translate(h.Lock, callee, c); ok {
				taken = append(taken, Held{p, h.Mode, c})
			}
		}
		gone = append(gone, w.translated(o.gone, callee, c)...)
	}
	return taken, gone
}

// Gone returns the locks of its caller that f releases for good on some way, as f names them.
func (w *Walker) Gone(f *ssa.Function) (gone []Place) {
	for _, o := range w.summary(f).outcomes {
		for _, p := range o.gone {
			if !slices.Contains(gone, p) {
				gone = append(gone, p)
			}
		}
	}
	return gone
}

func (w *Walker) translated(places []Place, callee *ssa.Function, c ssa.CallInstruction) (out []Place) {
	for _, p := range places {
		if q, ok := Translate(p, callee, c); ok {
			out = append(out, q)
		}
	}
	return out
}

// relevant tells whether f, or what it calls within the package, takes or releases locks. Of a recursion the others decide.
func (w *Walker) relevant(f *ssa.Function) bool {
	if yes, ok := w.locks[f]; ok {
		return yes
	}
	w.locks[f] = false
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			c, ok := in.(ssa.CallInstruction)
			if !ok {
				continue
			}
			if _, started := in.(*ssa.Go); started {
				continue
			}
			if callee := Callee(c); OpOf(c).Action != None || callee != nil && w.relevant(callee) {
				w.locks[f] = true
				return true
			}
		}
	}
	return false
}

// followed returns the flow of f from an entry with the locks that are handed over to it.
func (w *Walker) followed(f *ssa.Function) *flow {
	fl := newFlow(w, f)
	fl.run(w.summary(f).handed)
	return fl
}

// summary computes what f does with the locks of its caller. A call within a recursion counts for nothing.
func (w *Walker) summary(f *ssa.Function) *summary {
	if s, ok := w.known[f]; ok {
		return s
	}
	s := &summary{outcomes: []outcome{{}}}
	if len(f.Blocks) == 0 || w.busy[f] {
		return s
	}
	if !w.relevant(f) {
		if w.ends.Function(f) != ends.Nothing {
			s.outcomes = nil
		}
		w.known[f] = s
		return s
	}
	w.busy[f] = true
	defer delete(w.busy, f)
	fl := newFlow(w, f)
	fl.run(nil)
	if len(fl.handed) > 0 {
		s.handed = fl.handed
		fl = newFlow(w, f)
		fl.run(s.handed)
	}
	s.outcomes = fl.outcomes()
	w.known[f] = s
	return s
}

// mostOutcomes is how many ways to return a caller looks at one by one.
const mostOutcomes = 6

// outcomes returns the ways in which the function returns, as its callers see them.
func (fl *flow) outcomes() (out []outcome) {
	for _, b := range fl.f.Blocks {
		ret, ok := b.Instrs[len(b.Instrs)-1].(*ssa.Return)
		if !ok {
			continue
		}
		for _, c := range fl.through(b, nil) {
			out = append(out, fl.outcome(c, ret))
		}
	}
	var distinct []outcome
	for _, o := range out {
		if !slices.ContainsFunc(distinct, func(d outcome) bool { return sameOutcome(d, o) }) {
			distinct = append(distinct, o)
		}
	}
	if len(distinct) > 1 && !slices.ContainsFunc(distinct, func(o outcome) bool {
		return len(o.taken)+len(o.touched) > 0
	}) {
		return []outcome{{}}
	}
	if len(distinct) > mostOutcomes {
		return []outcome{merged(distinct)}
	}
	return distinct
}

func sameOutcome(a, b outcome) bool {
	return a.result == b.result && slices.Equal(a.when, b.when) && slices.Equal(a.gone, b.gone) && slices.Equal(a.touched, b.touched) &&
		slices.EqualFunc(a.taken, b.taken, func(x, y Held) bool { return x.Lock == y.Lock && x.Mode == y.Mode })
}

// merged is what holds in all the outcomes: taken on every way, released on some way.
func merged(list []outcome) outcome {
	all := outcome{taken: list[0].taken}
	for _, o := range list {
		all.taken = meet(all.taken, o.taken)
		all.touched = append(all.touched, o.touched...)
		all.gone = append(all.gone, o.gone...)
	}
	return all
}

func (fl *flow) outcome(c config, ret *ssa.Return) outcome {
	o := outcome{touched: slices.Clone(c.touched)}
	for _, h := range c.held {
		if h.Taken != nil && !slices.Contains(c.touched, h.Lock) {
			h.Taken = nil
			o.taken = append(o.taken, h)
		}
	}
	for _, p := range c.touched {
		if c.index(p) < 0 {
			o.gone = append(o.gone, p)
		}
	}
	for i, cond := range fl.conds {
		if c.known&(1<<i) != 0 && fl.aboutCaller(cond) {
			o.when = append(o.when, fallen{cond, c.value&(1<<i) != 0})
		}
	}
	if n := len(ret.Results); n > 0 {
		switch t := ret.Results[n-1].Type(); {
		case isBool(t):
			o.result = asVerdict(fl.truth(c, ret.Results[n-1], false))
		case isError(t):
			o.result = asVerdict(fl.truth(c, ret.Results[n-1], true))
		}
	}
	return o
}

func asVerdict(is, known bool) verdict {
	switch {
	case !known:
		return unclear
	case is:
		return yes
	}
	return no
}

func isBool(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsBoolean != 0
}

// aboutCaller tells whether the caller can say how the condition falls.
func (fl *flow) aboutCaller(c condition) bool {
	for _, p := range []Place{c.what, c.other} {
		if p.Root == nil || p.Global() {
			continue
		}
		if param, ok := p.Root.(*ssa.Parameter); !ok || param.Parent() != fl.f || hasRegister(p.Fields) {
			return false
		}
	}
	return true
}

// translateCondition says the condition of the callee of call as its caller says it: which condition that is, or how it falls.
func (fl *flow) translateCondition(c fallen, callee *ssa.Function, call ssa.CallInstruction) (out fallen, constant, ok bool) {
	out = c
	if c.op == token.ILLEGAL && c.what.Fields == "" { // a parameter of type bool
		args := Arguments(call)
		for i, p := range callee.Params {
			if p != c.what.Root || i >= len(args) {
				continue
			}
			arg := args[i]
			if k, isConst := arg.(*ssa.Const); isConst {
				is, _ := fl.truth(config{}, k, false)
				return fallen{is: is == c.is}, true, true
			}
			cond, not := fl.conditionOf(arg)
			return fallen{cond, c.is != not}, false, true
		}
	}
	if out.what, ok = Translate(c.what, callee, call); !ok {
		return out, false, false
	}
	if c.other.Root != nil {
		if out.other, ok = Translate(c.other, callee, call); !ok {
			return out, false, false
		}
	}
	return out, false, true
}
