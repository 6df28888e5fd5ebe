// Package concur is a small model checker for Go functions in SSA form. It runs a function and the goroutines it
// starts on abstract values, tries many interleavings, and reports the runs that end with a goroutine stuck for good
// or with a panic on a channel or lock.
//
// The model is closed where the program is: channels, locks, WaitGroups, Conds, Onces, contexts and timers that the
// function itself makes behave exactly. Whatever comes from elsewhere is unknown and open: it may always let a
// goroutine go on. So a report never rests on an assumption about code that was not seen, only on the choice of
// branches whose conditions are unknown, and equal conditions are always decided alike.
//
// A goroutine counts as stuck under the rule of the runtime's goroutine leak profile: nothing that can still run, and
// nothing outside, can reach what it waits for.
package concur

import (
	"go/token"
	"go/types"
	"slices"
	"sort"

	"golang.org/x/tools/go/ssa"
)

// Limits bound the search. The zero value means the defaults.
type Limits struct {
	// Steps is the number of SSA instructions in one run. Defaults to 20000.
	Steps int
	// Points is the number of scheduling points with a choice in one run. Defaults to 300.
	Points int
	// Runs is the number of runs for one root. Defaults to 3000.
	Runs int
	// Work is the number of SSA instructions for one root, over all runs. Defaults to 800,000.
	Work int
}

func (l Limits) orDefault() Limits {
	if l.Steps == 0 {
		l.Steps = 20000
	}
	if l.Points == 0 {
		l.Points = 300
	}
	if l.Runs == 0 {
		l.Runs = 3000
	}
	if l.Work == 0 {
		l.Work = 800_000
	}
	return l
}

// Step is one event of a run.
type Step struct {
	Goroutine int // 0 is the root; -1: a timer
	Pos       token.Pos
	Text      string
}

// Blocked is a goroutine that is stuck for good.
type Blocked struct {
	Goroutine int
	Func      *ssa.Function // the function it is in
	Entry     *ssa.Function // the function it was started with
	Stack     []*ssa.Function
	Pos       token.Pos // the operation it is stuck in
	Op        string    // "send", "receive", "select", "Lock", "RLock", "WaitGroup.Wait", "Cond.Wait", "Once.Do"
	Object    string    // what it waits for, as the source has it
	Spawn     token.Pos // where it was started; NoPos for the root
	// Other is where the lock it waits for was taken, or the channel it waits on was made; NoPos if unknown.
	Other token.Pos
	// Holder is the goroutine that holds the lock it waits for; -1 if none.
	Holder int
	// Nil: it waits on a nil channel.
	Nil bool
	// Context: it waits for the end of a context, and for nothing else.
	Context bool
	// Again: it has the lock for reading, and wants it so once more.
	Again bool
}

// Crash is a runtime panic caused by the misuse of a channel, lock or WaitGroup.
type Crash struct {
	Pos, Other token.Pos
	What       string
	Goroutine  int
	Func       *ssa.Function
}

// Finding is what one run has shown.
type Finding struct {
	Root    *ssa.Function
	Blocked []Blocked
	Crash   *Crash
	Path    []Step
	// Choices is the number of choices by which the run departs from the usual one.
	Choices int
	Runs    int // how many runs it took
}

// Explorer searches the functions of one package. It is not safe for concurrent use.
type Explorer struct {
	prog   *program
	limits Limits
	mem    memory
	// Broken counts the roots that were given up because the model itself failed. It should be zero.
	Broken int
	// Strict lets a failure of the model panic; for tests.
	Strict bool
	used   int // SSA instructions executed so far, over all roots
}

// NewExplorer returns an Explorer for the functions of pkg, of which srcs are those declared in its source.
func NewExplorer(pkg *ssa.Package, srcs []*ssa.Function, limits Limits) *Explorer {
	fns := Functions(srcs)
	p := &program{pkg: pkg, infos: make(map[*ssa.Function]*fnInfo), models: modelTable(), size: size(fns),
		signalled: mayBeSignalled(pkg.Pkg, fns), writers: writersOf(fns)}
	return &Explorer{prog: p, limits: limits.orDefault()}
}

type node struct {
	script []uint8
	cost   int
}

// Explore searches the runs that start with a call of fn. It returns at most one finding for each set of stuck sites.
func (e *Explorer) Explore(fn *ssa.Function) (found []Finding) {
	defer func() {
		if r := recover(); r != nil { // an analyzer must not take the whole run of go vet down with it
			if e.Strict {
				panic(r)
			}
			e.Broken++
			found = nil
		}
	}()
	e.prog.zeroGlobals = isClosed(e.prog.pkg, fn)
	s := &search{e: e, fn: fn, seen: make(map[string]bool)}
	s.systematic()
	return s.found
}

// isClosed tells whether fn is a program of its own: it begins with the package's variables as they are initialized.
func isClosed(pkg *ssa.Package, fn *ssa.Function) bool {
	switch ps := fn.Signature.Params(); ps.Len() {
	case 0:
		return pkg.Pkg.Name() == "main"
	case 1:
		p, ok := ps.At(0).Type().(*types.Pointer)
		return ok && isTesting(p.Elem())
	}
	return false
}

type search struct {
	e     *Explorer
	fn    *ssa.Function
	runs  int
	work  int
	found []Finding
	seen  map[string]bool
	stop  int // give up at this many runs
}

// systematic runs the usual schedule first, then those that depart from it in one choice, in two, and so on; every
// fourth run is random, because some bugs lie deep but are common.
func (s *search) systematic() {
	l := s.e.limits
	s.stop = l.Runs
	levels := [][]node{{{}}}
	r := rng(0x9e3779b97f4a7c15)
	for level := 0; level < len(levels) && level < 6; level++ {
		for i := 0; i < len(levels[level]); i++ {
			if s.runs >= s.stop || s.work >= l.Work {
				return
			}
			n := levels[level][i]
			m := s.run(n.script, nil, n.cost)
			if s.runs%3 == 2 {
				s.run(nil, &r, 99)
			}
			for at := len(n.script); at < len(m.taken) && at < 120; at++ {
				for k := 1; k < int(m.widths[at]); k++ {
					if len(levels) == level+1 {
						levels = append(levels, nil)
					}
					if len(levels[level+1]) < 20000 {
						script := append(append(make([]uint8, 0, at+1), m.taken[:at]...), uint8(k))
						levels[level+1] = append(levels[level+1], node{script, n.cost + 1})
					}
				}
			}
			if len(m.taken) == 0 {
				return // nothing to choose
			}
		}
	}
}

// machine returns a machine for one run, which ends before the next begins.
func (s *search) machine(script []uint8, r *rng) *machine {
	s.e.mem.recycle()
	return &machine{prog: s.e.prog, limits: s.e.limits, script: script, rng: r, noise: 3, maxHist: 4000,
		global: make(map[*ssa.Global]*Value), turns: make(map[token.Pos]int), mem: &s.e.mem}
}

// run executes one run and keeps what it shows.
func (s *search) run(script []uint8, r *rng, cost int) *machine {
	m := s.machine(script, r)
	m.start(s.fn)
	s.runs++
	f, key := m.finding()
	work := m.steps + 20*m.points + m.marked/2
	s.work += work
	s.e.used += work
	if f == nil || s.seen[key] {
		return m
	}
	s.seen[key] = true
	if len(s.found) == 0 {
		s.stop = min(s.stop, s.runs+s.runs/4+60) // there may be another kind near by
	}
	again := s.machine(append([]uint8(nil), m.taken...), nil)
	again.tracing = true
	again.start(s.fn)
	if g, k := again.finding(); k == key {
		f = g
	}
	f.Root, f.Path, f.Choices, f.Runs = s.fn, again.trace, cost, s.runs
	s.found = append(s.found, *f)
	return m
}

func (m *machine) start(fn *ssa.Function) {
	if m.prog.zeroGlobals {
		m.initialize()
	}
	args := make([]Value, len(fn.Params))
	for i, p := range fn.Params {
		args[i] = m.fresh(p.Type())
		if i == 0 && fn.Signature.Recv() != nil {
			if u, ok := args[0].(*unknown); ok {
				u.nilSet = true // methods are called on something
			}
		}
		m.env = append(m.env, args[i])
	}
	m.spawn(fn, args, token.NoPos)
	m.run()
}

// initialize runs the package's initializers, which come before every run of a program.
func (m *machine) initialize() {
	init := m.prog.pkg.Func("init")
	if init == nil {
		return
	}
	g := m.spawn(init, nil, token.NoPos)
	for range 300 {
		m.cur = g
		if o := g.op; o != nil {
			if m.readiness(g) != isReady {
				break
			}
			g.op = nil
			m.perform(g, o)
		}
		m.execute(g)
		if g.done || m.over != running {
			break
		}
	}
	// What it started is not part of the run, and what it could not finish is not held against it.
	m.gs, m.cur, m.over, m.crash, m.mainDone, m.supposed, m.trace = nil, nil, running, nil, false, false, nil
	m.steps, m.env = 0, nil
	m.taken, m.widths = m.taken[:0], m.widths[:0]
}

// finding says what the run has shown, with a key for the set of places.
func (m *machine) finding() (*Finding, string) {
	if m.crash != nil {
		return &Finding{Crash: m.crash}, "crash " + m.crash.What + itoa(int(m.crash.Pos))
	}
	if m.over != finished && m.over != exhausted {
		return nil, ""
	}
	f := &Finding{}
	var sites []int
	for _, g := range m.stuck() {
		f.Blocked = append(f.Blocked, m.blocked(g))
		sites = append(sites, int(g.op.pos))
	}
	if len(f.Blocked) == 0 {
		return nil, ""
	}
	sort.Ints(sites)
	key := ""
	for i, p := range sites {
		if i == 0 || p != sites[i-1] {
			key += itoa(p) + " "
		}
	}
	return f, key
}

func (m *machine) blocked(g *G) Blocked {
	o := g.op
	b := Blocked{Goroutine: g.id, Func: g.where(), Entry: g.fn, Pos: o.pos, Op: o.name, Object: describe(o.object),
		Spawn: g.spawn, Holder: -1}
	for _, f := range g.frames {
		b.Stack = append(b.Stack, f.fn)
	}
	if o.kind == opSelect && len(o.cases) > 0 {
		b.Context = true
		for _, c := range o.cases {
			b.Context = b.Context && c.ch != nil && c.ch.signal
		}
	}
	switch o.kind {
	case opSend, opRecv:
		b.Nil = o.ch == nil
		b.Context = o.ch != nil && o.ch.signal
		if o.ch != nil {
			b.Other = o.ch.pos
		}
	case opLock, opRLock:
		switch s := o.s; {
		case s.locked:
			b.Other = s.at
			if s.writer != nil {
				b.Holder = s.writer.id
			}
		case len(s.readers) > 0:
			h := s.readers[0]
			if i := slices.IndexFunc(s.readers, func(h holder) bool { return h.g == g }); i >= 0 {
				h, b.Again = s.readers[i], o.kind == opRLock
			}
			b.Other, b.Holder = h.pos, h.g.id
		}
	case opOnce:
		b.Other = o.s.at
		if o.s.runner != nil {
			b.Holder = o.s.runner.id
		}
	case opCond:
		b.Op = "Cond.Wait"
	}
	return b
}

// describe names the object of an operation as the source does, as well as that can be told from SSA.
func describe(v ssa.Value) string {
	for range 6 {
		switch x := v.(type) {
		case nil:
			return "?"
		case *ssa.UnOp:
			v = x.X
			continue
		case *ssa.ChangeType:
			v = x.X
			continue
		case *ssa.MakeInterface:
			v = x.X
			continue
		case *ssa.FieldAddr:
			return fieldName(x.X, x.X.Type(), x.Field)
		case *ssa.Field:
			return fieldName(x.X, x.X.Type(), x.Field)
		case *ssa.Alloc:
			return x.Comment
		case *ssa.Call:
			if c := x.Call.StaticCallee(); c != nil {
				return c.Name() + "()"
			}
			if x.Call.IsInvoke() {
				return describe(x.Call.Value) + "." + x.Call.Method.Name() + "()"
			}
			return "a call's result"
		case *ssa.Phi:
			if x.Comment != "" {
				return x.Comment
			}
			return "a channel"
		case *ssa.MakeChan:
			return "the channel"
		case *ssa.IndexAddr:
			return describe(x.X) + "[...]"
		case *ssa.Parameter, *ssa.FreeVar, *ssa.Global:
			return x.Name()
		case *ssa.Extract:
			return "a result"
		default:
			return "it"
		}
	}
	return "it"
}
