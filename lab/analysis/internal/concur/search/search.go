// Package search looks for runs of the model in which a goroutine gets stuck for good or misuses a primitive: it explores
// functions of a package one after the other, the usual schedule first, then departures from it.
package search

import (
	"fmt"
	"go/token"
	"go/types"
	"runtime/debug"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/exec"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/heap"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/ir"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/prim"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/reach"
)

// Stuck is a goroutine that is stuck for good.
type Stuck struct {
	Goroutine int             // 0 is the root
	Func      *ssa.Function   // the function it is in; nil if that is one of the model
	Stack     []*ssa.Function // all functions it is in, the outermost first
	Pos       token.Pos       // the operation it is stuck in
	Operand   ssa.Value       // what it waits for; nil if the program does not name it
	Spawned   token.Pos       // where it was started; NoPos for the root
	Wait      machine.Wait
	Holder    int // the goroutine that has what it waits for; -1 if none
}

// Crash is a misuse of a primitive: one that panics, or one that only by luck does no harm.
type Crash struct {
	Kind       *machine.CrashKind
	Pos, Other token.Pos
	Goroutine  int
}

// Result is what one run has shown: goroutines that are stuck, or a crash.
type Result struct {
	Root  *ssa.Function
	Stuck []Stuck
	Crash *Crash
	Path  []machine.Event
	// Departures is the number of choices by which the run departs from the usual one.
	Departures int
	Runs       int // how many runs it took
}

// Failure is a failure of the model itself: the search of Root was given up.
type Failure struct {
	Root  *ssa.Function
	Pos   token.Pos // the last instruction that was executed, or else the root
	Value any       // of the panic
	Stack string    // of the model
}

// Explorer searches the functions of one package. It is not safe for concurrent use.
type Explorer struct {
	code   *machine.Code
	space  *heap.Space
	judge  reach.Judge
	size   int // of the package, in instructions
	limits Limits
	used   int // the work done so far, over all roots
	// Failures are the failures of the model; there should be none.
	Failures []Failure
}

// New returns an Explorer for the functions of pkg, of which srcs are those declared in its source.
func New(pkg *ssa.Package, srcs []*ssa.Function, limits Limits) *Explorer {
	fns := ir.Functions(srcs)
	code := &machine.Code{Package: pkg, Exec: exec.Executor{}, Models: prim.Models(), Starts: startsGoroutine, Survey: prim.SurveyOf(pkg.Pkg, fns)}
	space := &heap.Space{Pkg: pkg.Pkg, NeverNil: ir.SentinelsOf(pkg, fns).Has}
	space.Primitive = prim.Contents(space)
	return &Explorer{code: code, space: space, size: ir.Size(fns), limits: limits.orDefault()}
}

func startsGoroutine(name string) bool { return prim.EffectOf(name)&prim.Starts != 0 }

// Explore searches the runs that start with a call of fn. It returns at most one result for each set of places at which
// goroutines are stuck.
func (e *Explorer) Explore(fn *ssa.Function) []Result {
	s := &search{e: e, fn: fn, seen: make(map[place]bool)}
	defer func() {
		if r := recover(); r != nil { // an analyzer must not take the whole run of go vet down with it
			e.Failures = append(e.Failures, Failure{Root: fn, Pos: s.where(), Value: r, Stack: string(debug.Stack())})
			s.found = nil
		}
	}()
	e.space.ZeroGlobals = isProgram(e.code.Package, fn)
	s.systematic()
	return s.found
}

// isProgram tells whether fn is a program of its own: it begins with the package's variables as they are initialized.
func isProgram(pkg *ssa.Package, fn *ssa.Function) bool {
	switch ps := fn.Signature.Params(); ps.Len() {
	case 0:
		return pkg.Pkg.Name() == "main"
	case 1:
		p, ok := ps.At(0).Type().(*types.Pointer)
		if !ok {
			return false
		}
		path, _ := ir.TypeName(p.Elem())
		return path == "testing"
	}
	return false
}

// Visit calls visit with the runs that start with a call of fn, as they end, and with the goroutines that are stuck in them.
// It makes as many as the limits allow, whatever they show.
func (e *Explorer) Visit(fn *ssa.Function, visit func(m *machine.Machine, stuck []*machine.G)) {
	e.space.ZeroGlobals = isProgram(e.code.Package, fn)
	(&search{e: e, fn: fn, visit: visit}).systematic()
}

// search is the search of one root.
type search struct {
	e     *Explorer
	visit func(*machine.Machine, []*machine.G) // see Visit; nil for a search of results
	fn    *ssa.Function
	m     *machine.Machine // the current run
	runs  int
	work  int
	found []Result
	seen  map[place]bool
	stop  int // give up at this many runs
}

// place identifies what a run has shown: a crash of a kind, or the positions of the goroutines that are stuck.
type place struct {
	crash     *machine.CrashKind
	positions string
}

// machine returns a machine for one run, which ends before the next begins.
func (s *search) machine(script machine.Script) *machine.Machine {
	s.m = machine.New(s.e.code, s.e.space, s.e.limits.Limits, script)
	s.m.Helper = s.e.judge.Help
	return s.m
}

// run executes one run, keeps what it shows, and returns its choices.
func (s *search) run(script machine.Script, departures int) machine.Script {
	m := s.machine(script)
	m.Start(s.fn)
	s.runs++
	if s.visit != nil {
		s.visit(m, s.e.judge.Stuck(m))
		return m.Script
	}
	looked := s.e.judge.Looked
	r, at := s.result(m)
	work := m.Steps + workPerPoint*m.Points + (s.e.judge.Looked-looked)/valuesPerWork
	s.work += work
	s.e.used += work
	taken := m.Script
	if r == nil || s.seen[at] {
		return taken
	}
	s.seen[at] = true
	if len(s.found) == 0 {
		s.stop = min(s.stop, s.runs+s.runs/4+runsAfterFirst)
	}
	again := s.machine(machine.Script{First: slices.Clone(taken.Taken)})
	again.Tracing = true
	again.Start(s.fn)
	if same, place := s.result(again); place == at {
		r = same
	}
	r.Root, r.Path, r.Departures, r.Runs = s.fn, again.Trace, departures, s.runs
	s.found = append(s.found, *r)
	return taken
}

// result says what the run has shown, if anything.
func (s *search) result(m *machine.Machine) (*Result, place) {
	if m.Crash != nil {
		return crash(m.Crash)
	}
	if m.Over() != machine.Finished && m.Over() != machine.Exhausted {
		return nil, place{}
	}
	r := &Result{}
	var positions []token.Pos
	for _, g := range s.e.judge.Stuck(m) {
		r.Stuck = append(r.Stuck, stuck(m, g))
		positions = append(positions, g.Op.At().Pos)
	}
	if len(r.Stuck) == 0 {
		if m.Misuse != nil {
			return crash(m.Misuse)
		}
		return nil, place{}
	}
	slices.Sort(positions)
	var at strings.Builder
	for _, p := range slices.Compact(positions) {
		fmt.Fprintf(&at, "%d ", p)
	}
	return r, place{positions: at.String()}
}

func crash(c *machine.Crash) (*Result, place) {
	return &Result{Crash: &Crash{Kind: c.Kind, Pos: c.Pos, Other: c.Other, Goroutine: c.Goroutine.ID}}, place{c.Kind, fmt.Sprint(c.Pos)}
}

func stuck(m *machine.Machine, g *machine.G) Stuck {
	site := g.Op.At()
	st := Stuck{Goroutine: g.ID, Func: g.Where(), Pos: site.Pos, Operand: site.Operand, Spawned: g.Spawned, Wait: g.Op.Wait(m, g), Holder: -1}
	if h := st.Wait.Holder; h != nil {
		st.Holder = h.ID
	}
	st.Wait.Holder = nil // the goroutines of a run end with it
	for _, f := range g.Frames {
		st.Stack = append(st.Stack, f.Fn.Function)
	}
	return st
}

// where returns the position of the last instruction that was executed, as well as that is known.
func (s *search) where() token.Pos {
	if s.m == nil || s.m.Cur == nil || s.m.Cur.Top() == nil {
		return s.fn.Pos()
	}
	f := s.m.Cur.Top()
	for i := min(f.PC, len(f.Block.Instrs)-1); i >= 0; i-- {
		if p := f.Block.Instrs[i].Pos(); p.IsValid() {
			return p
		}
	}
	return f.Fn.Pos()
}
