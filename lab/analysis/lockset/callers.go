package lockset

import (
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/locks"
)

// callSite is a place in the package where a function is called, or its value taken.
type callSite struct {
	fn     *ssa.Function
	how    manner
	locks  []string
	args   []ssa.Value
	params []*ssa.Parameter
}

// manner is how a function comes to run.
type manner int

const (
	direct  manner = iota // under the locks of the caller
	alone                 // on a goroutine of its own: under no lock
	unknown               // deferred, or as a value by whoever got it: under locks that nobody knows
)

// noteCalls keeps what in says about the locks under which functions of the package run.
func (p *collector) noteCalls(f *ssa.Function, in ssa.Instruction, held []string) {
	if c, ok := in.(ssa.CallInstruction); ok {
		if callee := c.Common().StaticCallee(); callee != nil && callee.Pkg == f.Pkg {
			p.calls[callee] = append(p.calls[callee], callSite{f, p.awaited(mannerOf(c), held), held, c.Common().Args, callee.Params})
		}
	}
	if c, ok := in.(ssa.CallInstruction); ok && c.Common().IsInvoke() {
		if m := c.Common().Method; len(held) > 0 || !m.Exported() {
			p.invoked[m.Name()] = f
		}
	}
	if m, ok := in.(*ssa.MakeInterface); ok && len(held) > 0 {
		p.implements(f, m)
	}
	for _, o := range in.Operands(nil) {
		fn, ok := (*o).(*ssa.Function)
		if !ok {
			continue
		}
		if c, ok := in.(ssa.CallInstruction); ok && c.Common().Value == fn {
			continue
		}
		if fn = declared(fn); fn != nil && fn.Pkg == f.Pkg {
			p.calls[fn] = append(p.calls[fn], callSite{fn: f, how: p.awaited(handedTo(in), held)})
		}
	}
}

func mannerOf(c ssa.CallInstruction) manner {
	switch c.(type) {
	case *ssa.Go:
		return alone
	case *ssa.Defer:
		return unknown
	}
	return direct
}

// dynamic adds to the call sites of f that it may be called by way of an interface, if some method of its name is.
func (p *collector) dynamic(f *ssa.Function) {
	if by := p.invoked[f.Name()]; by != nil && f.Signature.Recv() != nil {
		p.calls[f] = append(p.calls[f], callSite{fn: by, how: unknown})
	}
}

// awaited is how a function runs that is started with these locks held: if its starter waits for something, that may well be
// the goroutine, which then runs while the locks are held.
func (p *collector) awaited(how manner, held []string) manner {
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

// declared returns the function of the source that fn is, or for which it stands as a method value or expression.
func declared(fn *ssa.Function) *ssa.Function {
	if fn.Origin() != nil {
		fn = fn.Origin()
	}
	if obj, ok := fn.Object().(*types.Func); ok && fn.Synthetic != "" {
		return fn.Prog.FuncValue(obj.Origin())
	}
	return fn
}

// handedTo tells how the function runs whose value in takes.
func handedTo(in ssa.Instruction) manner {
	switch in := in.(type) {
	case *ssa.MakeClosure:
		return handedToAll(*in.Referrers(), in)
	case *ssa.ChangeType:
		if in.Type().String() == "net/http.HandlerFunc" {
			return alone
		}
		return handedToAll(*in.Referrers(), in)
	case *ssa.Call:
		if f := in.Call.StaticCallee(); f != nil && slices.Contains(starters, f.RelString(nil)) {
			return alone
		}
	}
	return unknown
}

func handedToAll(users []ssa.Instruction, v ssa.Value) manner {
	for _, u := range users {
		if g, ok := u.(*ssa.Go); ok && g.Call.Value == v {
			continue
		}
		if handedTo(u) != alone {
			return unknown
		}
	}
	return alone
}

// starters are functions of other packages that run what they get on a goroutine which holds none of our locks. What time
// runs later is not among them: whoever can stop a timer has an order of his own for what it does.
var starters = []string{"(*sync.WaitGroup).Go", "net/http.HandleFunc", "(*net/http.ServeMux).HandleFunc",
	"(*golang.org/x/sync/errgroup.Group).Go", "(*golang.org/x/sync/errgroup.Group).TryGo"}

// inherited returns the locks that every caller of f in the package holds, as far as they are known, in f's own terms.
func (p *collector) inherited(f *ssa.Function) []string {
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
	p.callers = make(map[*ssa.Function][]string)
	for p.spread() {
	}
	settled := make(map[*ssa.Function]bool)
	for f := range p.callers {
		settled[f] = true
	}
	p.settled = settled
	for p.spread() {
	}
}

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
func (p *collector) fromCallers(f *ssa.Function) (all []string, known bool) {
	for _, s := range p.calls[f] {
		if s.how == alone {
			return nil, true
		}
		if s.how == unknown || f.Parent() != nil || p.early(&s) {
			continue
		}
		outer, ok := p.callers[s.fn]
		if !ok && len(p.calls[s.fn]) > 0 && !exported(s.fn) && (p.settled == nil || len(s.locks) == 0) {
			continue
		}
		mine := s.translate(append(s.locks[:len(s.locks):len(s.locks)], outer...))
		if known {
			mine = intersect(all, mine)
		}
		all, known = mine, true
	}
	return all, known
}

// early tells whether nobody else can be there when s calls: the package is initialized, or the receiver was just made.
func (p *collector) early(s *callSite) bool {
	made := len(s.args) > 0 && (fresh(s.args[0]) || p.madeByCaller(s.fn, paramOf(s.fn, s.args[0]), 4))
	return made || p.initOnly(s.fn, 4)
}

func intersect(a, b []string) []string {
	var out []string
	for _, x := range a {
		if slices.Contains(b, x) {
			out = append(out, x)
		}
	}
	return out
}

// translate returns those of the caller's locks that the callee can name, in the callee's terms.
func (s *callSite) translate(held []string) []string {
	var mine []string
	for _, l := range held {
		if strings.HasPrefix(l, "@") {
			mine = append(mine, l)
			continue
		}
		for i, arg := range s.args {
			rest, ok := strings.CutPrefix(l, locks.Path(arg))
			if ok && i < len(s.params) && (rest == "" || rest[0] == '.') {
				mine = append(mine, s.params[i].Name()+rest)
			}
		}
	}
	return mine
}

// paramOf returns the index of the parameter of f that v is, or -1.
func paramOf(f *ssa.Function, v ssa.Value) int {
	return slices.IndexFunc(f.Params, func(p *ssa.Parameter) bool { return p == v })
}

// madeByCaller tells whether all callers of f give it, as parameter i, a value that they have just made: f helps to build it.
func (p *collector) madeByCaller(f *ssa.Function, i, depth int) bool {
	if i < 0 || depth == 0 || len(p.calls[f]) == 0 || exported(f) {
		return false
	}
	for _, s := range p.calls[f] {
		if s.how != direct || i >= len(s.args) || !fresh(s.args[i]) && !p.madeByCaller(s.fn, paramOf(s.fn, s.args[i]), depth-1) {
			return false
		}
	}
	return true
}

// initOnly tells whether f runs only while the package is initialized.
func (p *collector) initOnly(f *ssa.Function, depth int) bool {
	if inInit(f) {
		return true
	}
	if depth == 0 || len(p.calls[f]) == 0 || exported(f) {
		return false
	}
	return !slices.ContainsFunc(p.calls[f], func(s callSite) bool { return s.how != direct || !p.initOnly(s.fn, depth-1) })
}
