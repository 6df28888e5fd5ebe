package concur

import (
	"go/token"
	"go/types"
	"sort"

	"golang.org/x/tools/go/ssa"
)

// machine is one run of the model: a heap, goroutines, and the choices made so far. A run is deterministic given its
// script of choices, so a state is never copied: to go another way, the search runs again with another script.
type machine struct {
	prog   *program
	limits Limits
	nextID int

	script  []uint8 // choices to take first
	taken   []uint8 // choices taken
	widths  []uint8 // how many options each had
	rng     *rng    // beyond the script: random instead of the default, if set
	noise   int     // with rng: one choice in noise is random
	maxHist int

	gs     []*G
	cur    *G
	timers []*timer
	env    []Value // what the outside can reach
	global map[*ssa.Global]*Value
	mem    *memory

	steps    int
	points   int
	marked   int // values looked at to judge who is stuck
	streak   int // scheduling points in a row at which cur went on
	over     outcome
	crash    *Crash
	mainDone bool
	supposed bool // something happened only because the outside may have done its part

	turns map[token.Pos]int // how often a select was executed

	tracing bool
	trace   []Step
}

type outcome uint8

const (
	running outcome = iota
	finished
	exhausted // out of steps
	pruned    // the path cannot happen, or leaves what the model knows
	exited    // os.Exit, log.Fatal, or an unrecovered panic
)

// G is a goroutine of the model.
type G struct {
	id      int
	fn      *ssa.Function // what it started with, if that has a body
	frames  []*frame
	op      *op // the visible operation it is at
	yielded bool
	done    bool
	parked  bool // runs on somewhere beyond the bounds of the model
	spawn   token.Pos
	parent  *G
	result  Value
	counts  *Sync // the WaitGroup or errgroup that its end counts for
}

type frame struct {
	fn      *ssa.Function
	info    *fnInfo
	regs    []Value
	block   *ssa.BasicBlock
	prev    *ssa.BasicBlock
	pc      int
	visits  []uint8
	defers  []deferred
	ret     func(v Value) // what to do with the result; nil: give it to the caller's instruction
	deferOf *frame        // the frame whose deferred call this is
	panics  panicState
	value   Value // of the panic
	at      token.Pos
}

type panicState uint8

const (
	calm panicState = iota
	panicking
	exiting // runtime.Goexit, t.FailNow
)

type deferred struct {
	fn   Value
	args []Value
	call *ssa.CallCommon
	pos  token.Pos
}

type exprKey struct {
	op   token.Token
	x, y any
}

type timer struct {
	name   string
	refs   []Value
	active bool
	repeat bool
	fired  int
	ready  func() bool
	fire   func()
	cell   *Value // the time.Timer or time.Ticker
}

// choose returns one of n options: the script's, or 0, the default.
func (m *machine) choose(n int) int {
	if n <= 1 {
		return 0
	}
	if n > 255 {
		n = 255
	}
	k := 0
	switch i := len(m.taken); {
	case i < len(m.script):
		k = int(m.script[i])
	case m.rng != nil && m.rng.intn(m.noise) == 0:
		k = m.rng.intn(n)
	}
	if k >= n {
		k = 0
	}
	if len(m.taken) < m.maxHist {
		m.taken = append(m.taken, uint8(k))
		m.widths = append(m.widths, uint8(n))
	}
	return k
}

// spawn starts a goroutine which runs fn(args).
func (m *machine) spawn(fn Value, args []Value, pos token.Pos) *G {
	g := &G{id: len(m.gs), spawn: pos, parent: m.cur}
	m.gs = append(m.gs, g)
	was := m.cur
	m.cur = g
	m.invoke(&call{m: m, g: g, args: args, pos: pos, done: func(v Value) { g.result = v }}, fn)
	m.cur = was
	if len(g.frames) > 0 {
		g.fn = g.frames[0].fn
	}
	return g
}

// run executes until every goroutine has ended or is stuck, or a limit is reached.
func (m *machine) run() {
	for m.over == running {
		g, act := m.pick()
		if g == nil && act == nil {
			m.over = finished
			return
		}
		if m.points > m.limits.Points {
			m.over = exhausted
			return
		}
		if act != nil {
			act()
			continue
		}
		m.cur = g
		g.yielded = false
		if o := g.op; o != nil {
			g.op = nil
			m.perform(g, o)
		}
		m.execute(g)
	}
}

// pick chooses who goes on: a goroutine, or something that happens by itself (a timer fires, the outside acts).
func (m *machine) pick() (*G, func()) {
	var ready, lazy []*G
	n := len(m.gs)
	start := 0
	if m.cur != nil {
		start = m.cur.id
	}
	for i := range n {
		g := m.gs[(start+i)%n]
		if g.done || g.parked {
			continue
		}
		switch m.readiness(g) {
		case isReady:
			ready = append(ready, g)
		case isLazy:
			lazy = append(lazy, g)
		}
	}
	// Fairness: whoever spins or yields goes to the back.
	if len(ready) > 1 && ready[0] == m.cur {
		if m.streak++; m.cur.yielded || m.streak > 12 {
			ready = append(ready[1:], ready[0])
			m.streak = 0
		}
	} else {
		m.streak = 0
	}
	var fire []*timer
	for _, t := range m.timers {
		if t.active && (t.ready == nil || t.ready()) {
			fire = append(fire, t)
		}
	}
	sort.SliceStable(fire, func(i, j int) bool { return fire[i].fired < fire[j].fired })
	total := len(ready) + len(lazy) + len(fire)
	if total == 0 {
		if act := m.outside(); act != nil {
			return nil, act
		}
		return nil, nil
	}
	if total > 1 {
		m.points++
	}
	k := m.choose(total)
	if k < len(ready) {
		return ready[k], nil
	}
	if k -= len(ready); k < len(lazy) {
		return lazy[k], nil
	}
	t := fire[k-len(lazy)]
	return nil, func() {
		t.fired++
		t.active = t.repeat
		m.note(nil, token.NoPos, t.name)
		t.fire()
	}
}

// note records a step of the run for people to read.
func (m *machine) note(g *G, pos token.Pos, text string) {
	if m.tracing {
		id := -1
		if g != nil {
			id = g.id
		}
		m.trace = append(m.trace, Step{Goroutine: id, Pos: pos, Text: text})
	}
}

// stop ends the run.
func (m *machine) stop(o outcome) {
	if m.over == running {
		m.over = o
	}
}

// crashed ends the run with a runtime panic that nobody recovers, if nobody does. What the outside was supposed to do it may
// well do later, or not at all: a run that needs it does not prove a crash.
func (m *machine) crashed(g *G, pos token.Pos, what string, other token.Pos) {
	if m.supposed || g.recovers() {
		m.stop(pruned)
		return
	}
	if m.over == running {
		m.crash = &Crash{Pos: pos, What: what, Other: other, Goroutine: g.id, Func: g.where()}
	}
	m.stop(exited)
}

// recovers tells whether a deferred call on g's stack might recover from a panic.
func (g *G) recovers() bool {
	for _, f := range g.frames {
		for _, d := range f.defers {
			if recovers(d.fn) {
				return true
			}
		}
	}
	return false
}

// recovers tells whether a deferred function calls recover, or might.
func recovers(fn Value) bool {
	f, ok := fn.(*ssa.Function)
	if c, isClosure := fn.(*closure); isClosure {
		f, ok = c.fn, true
	}
	if !ok {
		return false
	}
	for _, b := range f.Blocks {
		for _, in := range b.Instrs {
			if c, ok := in.(ssa.CallInstruction); ok {
				if b, ok := c.Common().Value.(*ssa.Builtin); ok && b.Name() == "recover" {
					return true
				}
			}
		}
	}
	return false
}

// where returns the function that g is in.
func (g *G) where() *ssa.Function {
	if n := len(g.frames); n > 0 {
		return g.frames[n-1].fn
	}
	return g.fn
}

func (m *machine) globalCell(v *ssa.Global) *Value {
	if c, ok := m.global[v]; ok {
		return c
	}
	c := new(Value)
	elem := v.Type().(*types.Pointer).Elem()
	if m.prog.zeroGlobals && v.Pkg == m.prog.pkg { // a program starts with them
		*c = m.zero(elem)
	} else {
		*c = m.symbolic(elem)
		if s, ok := (*c).(*Sync); ok {
			*c = &Sync{kind: s.kind, typ: s.typ, open: true}
		}
	}
	m.global[v] = c
	return c
}

type rng uint64

func (r *rng) intn(n int) int {
	x := uint64(*r)
	x ^= x << 13
	x ^= x >> 7
	x ^= x << 17
	*r = rng(x)
	return int((x >> 11) % uint64(n))
}
