package lockset

import (
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/locks"
)

// callSite is a place in the package where a function is called, or its value taken.
type callSite struct {
	fn     *ssa.Function
	how    manner
	held   []locks.Held
	call   ssa.CallInstruction // nil for a value
	callee *ssa.Function
}

// manner is how a function comes to run.
type manner int

const (
	direct  manner = iota // under the locks of the caller
	alone                 // on a goroutine of its own: under no lock
	unknown               // as a value, by whoever got it: under locks that nobody knows
	once                  // by a sync.Once: before everybody else who asks that
	nothing               // not at all: where the value is called was noted there
)

// noteCalls keeps what in says about the locks under which functions of the package run.
func (p *collector) noteCalls(f *ssa.Function, in ssa.Instruction, held []locks.Held) {
	c, isCall := in.(ssa.CallInstruction)
	if isCall {
		if callee := locks.Callee(c); callee != nil {
			how := direct
			if _, started := in.(*ssa.Go); started {
				how = alone
			}
			p.calls[callee] = append(p.calls[callee], callSite{f, p.awaited(how, held), held, c, callee})
		}
		if c.Common().IsInvoke() {
			if m := c.Common().Method; len(held) > 0 || !m.Exported() {
				p.invoked[m.Name()] = f
			}
		}
	}
	if m, ok := in.(*ssa.MakeInterface); ok && len(held) > 0 {
		p.implements(f, m)
	}
	for _, o := range in.Operands(nil) {
		fn, ok := (*o).(*ssa.Function)
		if !ok || isCall && c.Common().Value == fn {
			continue
		}
		how := handedTo(in, fn)
		if fn = locks.Source(fn, f); fn != nil && how != nothing {
			p.calls[fn] = append(p.calls[fn], callSite{fn: f, how: p.awaited(how, held), callee: fn})
		}
	}
}

// dynamic adds to the call sites of f that it may be called by way of an interface, if some method of its name is.
func (p *collector) dynamic(f *ssa.Function) {
	if by := p.invoked[f.Name()]; by != nil && f.Signature.Recv() != nil {
		p.calls[f] = append(p.calls[f], callSite{fn: by, how: unknown})
	}
}

// awaited is how a function runs that is started with these locks held: if its starter waits for something, that may well be
// the goroutine, which then runs while the locks are held.
func (p *collector) awaited(how manner, held []locks.Held) manner {
	if how == alone && len(held) > 0 && p.receives {
		return unknown
	}
	return how
}

// implements notes that the methods of a value which becomes an interface while a lock is held, as sort.Sort wants it, may
// be called under that lock.
func (p *collector) implements(f *ssa.Function, m *ssa.MakeInterface) {
	methods := m.Type().Underlying().(*types.Interface)
	for i := range methods.NumMethods() {
		obj, _, _ := types.LookupFieldOrMethod(m.X.Type(), true, f.Pkg.Pkg, methods.Method(i).Name())
		method, ok := obj.(*types.Func)
		if !ok {
			continue
		}
		if fn := f.Prog.FuncValue(method.Origin()); fn != nil && fn.Pkg == f.Pkg {
			p.calls[fn] = append(p.calls[fn], callSite{fn: f, how: unknown})
		}
	}
}

// handedTo tells how the function runs whose value v in takes.
func handedTo(in ssa.Instruction, v ssa.Value) manner {
	switch in := in.(type) {
	case *ssa.MakeClosure:
		return handedToAll(*in.Referrers(), in)
	case *ssa.ChangeType:
		if in.Type().String() == "net/http.HandlerFunc" {
			return alone
		}
		return handedToAll(*in.Referrers(), in)
	case *ssa.Go:
		if in.Call.Value == v {
			return nothing
		}
	case *ssa.Defer:
		if in.Call.Value == v {
			return nothing
		}
	case *ssa.Call:
		if in.Call.Value == v {
			return nothing
		}
		if f := in.Call.StaticCallee(); f != nil {
			name := f.RelString(nil)
			if f.Origin() != nil {
				name = f.Origin().RelString(nil)
			}
			switch {
			case slices.Contains(starters, name):
				return alone
			case slices.Contains(onces, name):
				return once
			}
		}
	case *ssa.DebugRef:
		return nothing
	}
	return unknown
}

func handedToAll(users []ssa.Instruction, v ssa.Value) manner {
	how := nothing
	for _, u := range users {
		switch h := handedTo(u, v); {
		case h == nothing:
			if g, ok := u.(*ssa.Go); ok && g.Call.StaticCallee() != nil && g.Call.StaticCallee().Synthetic != "" {
				how = alone // a method value: the call does not name the method
			}
		case how == nothing:
			how = h
		case how != h:
			return unknown
		}
	}
	return how
}

// onces run what they get once, before they return to anybody.
var onces = []string{"(*sync.Once).Do", "sync.OnceFunc", "sync.OnceValue", "sync.OnceValues"}

// starters are functions of other packages that run what they get on a goroutine which holds none of our locks. What time
// runs later is not among them: whoever can stop a timer has an order of his own for what it does.
var starters = []string{"(*sync.WaitGroup).Go", "net/http.HandleFunc", "(*net/http.ServeMux).HandleFunc",
	"(*golang.org/x/sync/errgroup.Group).Go", "(*golang.org/x/sync/errgroup.Group).TryGo"}

// inherited returns the locks that every caller of f in the package holds, as far as they are known, in f's own terms.
func (p *collector) inherited(f *ssa.Function) []locks.Held {
	if exported(f) && f.Signature.Recv() == nil {
		return nil // anybody may call it
	}
	p.learn()
	return p.callers[f]
}

func exported(f *ssa.Function) bool { return f.Object() != nil && f.Object().Exported() }

// loose tells whether f may run under locks of which we know nothing: it is only called as a value, or by functions of
// which the same is true.
func (p *collector) loose(f *ssa.Function) bool {
	if exported(f) {
		return slices.ContainsFunc(p.calls[f], func(s callSite) bool { return s.how == unknown })
	}
	p.learn()
	return !p.settled[f] && len(p.calls[f]) > 0
}

// learn finds out what the callers of each function hold. Then those which run under locks that nobody knows pass on at least
// what they hold themselves, to functions of which that is all that there is to know.
func (p *collector) learn() {
	if p.callers != nil {
		return
	}
	p.callers = make(map[*ssa.Function][]locks.Held)
	for round := 0; round < mostRounds && p.spread(); round++ {
	}
	settled := make(map[*ssa.Function]bool)
	for f := range p.callers {
		settled[f] = true
	}
	p.settled = settled
	for round := 0; round < mostRounds && p.spread(); round++ {
	}
}

// mostRounds bounds how far down a chain of callers a lock is followed.
const mostRounds = 20

// spread lets each function's callers pass on what they hold themselves, and says whether that told anything new. A function
// of whose callers nothing is known yet passes nothing on; so a recursion adds nothing to what came from outside of it. What
// is known of a function only ever shrinks.
func (p *collector) spread() (changed bool) {
	for f := range p.calls {
		if p.settled[f] {
			continue
		}
		was, known := p.callers[f]
		if locks, ok := p.fromCallers(f); ok && (!known || len(locks) != len(was)) {
			p.callers[f] = locks
			changed = true
		}
	}
	return changed
}

// fromCallers returns the locks that all callers of f hold, of which anything is known.
func (p *collector) fromCallers(f *ssa.Function) (all []locks.Held, known bool) {
	for _, s := range p.calls[f] {
		if s.how == alone {
			return nil, true
		}
		if s.how == unknown || s.how == once || p.early(&s) {
			continue
		}
		outer, ok := p.callers[s.fn]
		if !ok && len(p.calls[s.fn]) > 0 && !exported(s.fn) && (p.settled == nil || len(s.held) == 0) {
			continue
		}
		mine := s.inward(append(s.held[:len(s.held):len(s.held)], outer...))
		if known {
			mine = intersect(all, mine, f)
		}
		all, known = mine, true
	}
	return all, known
}

// early tells whether nobody else can be there when s calls: the package is initialized, or the receiver was just made.
func (p *collector) early(s *callSite) bool {
	if s.call == nil {
		return p.initOnly(s.fn, 4)
	}
	args := locks.Arguments(s.call)
	made := len(args) > 0 && (p.lonely(args[0], s.call) || p.madeByCaller(s.fn, paramOf(s.fn, locks.PlaceOf(args[0])), 4))
	return made || p.initOnly(s.fn, 4)
}

// intersect returns what is held in both, for reading where one of them holds it so. Of locks that f cannot name, two that are
// the same field of the same type count as one: its callers mean it by what they hold.
func intersect(a, b []locks.Held, f *ssa.Function) (out []locks.Held) {
	for _, h := range a {
		for _, g := range b {
			if g.Lock == h.Lock || foreign(g.Lock, f) && foreign(h.Lock, f) && g.Lock.Kind() == h.Lock.Kind() && h.Lock.Kind() != (locks.Class{}) {
				h.Mode = min(h.Mode, g.Mode)
				out = append(out, h)
				break
			}
		}
	}
	return out
}

// foreign tells whether the place is one of a caller's, which f cannot name.
func foreign(p locks.Place, f *ssa.Function) bool { return !p.Global() && p.Root.Parent() != f }

// inward returns the caller's locks as the callee names them; those that it cannot name as they are.
func (s *callSite) inward(held []locks.Held) (mine []locks.Held) {
	for _, h := range held {
		as := locks.Inward(h.Lock, s.callee, s.call)
		if len(as) == 0 {
			as = []locks.Place{h.Lock}
		}
		for _, p := range as {
			if !slices.ContainsFunc(mine, func(g locks.Held) bool {
				return g.Lock == p || foreign(p, s.callee) && foreign(g.Lock, s.callee) && g.Lock.Kind() == p.Kind()
			}) {
				mine = append(mine, locks.Held{Lock: p, Mode: h.Mode, Taken: h.Taken})
			}
		}
	}
	return mine
}

// paramOf returns the index of the parameter of f that the place is, or -1.
func paramOf(f *ssa.Function, p locks.Place) int {
	if p.Fields != "" {
		return -1
	}
	return slices.IndexFunc(f.Params, func(q *ssa.Parameter) bool { return q == p.Root })
}

// madeByCaller tells whether all callers of f give it, as parameter i, a value that they have just made: f helps to build it.
func (p *collector) madeByCaller(f *ssa.Function, i, depth int) bool {
	if i < 0 || depth == 0 || len(p.calls[f]) == 0 || exported(f) {
		return false
	}
	for _, s := range p.calls[f] {
		if s.how != direct || s.call == nil {
			return false
		}
		args := locks.Arguments(s.call)
		if i >= len(args) || !p.lonely(args[i], s.call) && !p.madeByCaller(s.fn, paramOf(s.fn, locks.PlaceOf(args[i])), depth-1) {
			return false
		}
	}
	return true
}

// initOnly tells whether f runs only while the package is initialized, or once, by a sync.Once, before everybody else who
// asks that.
func (p *collector) initOnly(f *ssa.Function, depth int) bool {
	if inInit(f) {
		return true
	}
	if depth == 0 || len(p.calls[f]) == 0 || exported(f) {
		return false
	}
	return !slices.ContainsFunc(p.calls[f], func(s callSite) bool {
		return s.how != once && (s.how != direct || !p.initOnly(s.fn, depth-1))
	})
}
