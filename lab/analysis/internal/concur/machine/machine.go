// Package machine is a run of the model: goroutines, the operations they are at, timers, and the choices that were made.
// What each operation does is a primitive's affair (see package prim), what instructions do that of an [Executor].
//
// A run is deterministic given its script of choices, so a state is never copied: to go another way, the search runs again
// with another script.
package machine

import (
	"go/token"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/arena"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/heap"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/ir"
)

// Value is a value of the model.
type Value = heap.Value

// Machine is one run.
type Machine struct {
	*heap.Space
	*Code
	Limits Limits
	Script Script
	// Tracing keeps what happens in Trace.
	Tracing bool
	Trace   []Event
	// Helper finds something that code outside of the model can do when nothing else can happen; nil for nothing.
	Helper func(m *Machine) []func()

	Gs     []*G
	Cur    *G // the goroutine that runs
	Timers []*Timer
	// Points is the number of places so far at which more than one goroutine could go on.
	Points int
	Crash  *Crash
	// Misuse is the first misuse of a primitive that does no harm by itself in this run; nil if there is none.
	Misuse *Crash
	// Supposed: something has happened only because code outside of the model may do its part.
	Supposed bool
	// Visits are the calls so far of methods that nothing is known of.
	Visits []Visit

	over   Outcome
	streak int               // scheduling points in a row at which Cur went on
	turns  map[token.Pos]int // see Turn
}

// Visit is a call of a method that nothing is known of.
type Visit struct {
	By      *G
	To      Value // the receiver
	Method  string
	Started int // how many goroutines there were
}

// Limits bound one run.
type Limits struct {
	Steps  int // instructions
	Points int // places at which more than one goroutine can go on
}

// Outcome is how a run has ended.
type Outcome uint8

// The outcomes.
const (
	Running   Outcome = iota
	Finished          // every goroutine has ended or waits
	Exhausted         // a limit was reached
	Pruned            // the path cannot happen, or leaves what the model knows
	Exited            // the process ended: os.Exit, log.Fatal, a panic that nobody recovers, the end of main
)

// Executor executes the instructions of functions.
type Executor interface {
	// Invoke calls fn: it pushes a frame, sets the goroutine's operation, or ends the call at once.
	Invoke(c *Call, fn Value)
	// Execute runs g until its next operation, its end, or the end of the run.
	Execute(m *Machine, g *G)
}

// Code is what the runs over one package share.
type Code struct {
	Package *ssa.Package
	Exec    Executor
	// Models replace the bodies of functions, by their [ir.FullName].
	Models map[string]Model
	// Starts tells whether the function of that name starts a goroutine.
	Starts func(name string) bool
	// Survey is what the primitives know about the package as a whole.
	Survey any
	// Regs are the registers of frames, used again by one run after the other.
	Regs arena.Pool[Value]

	bodies map[*ssa.Function]*Body
	phis   []Value // space for those of one block
}

// Model replaces the body of a function.
type Model func(c *Call)

// Body is what happens when a function is called: a model, or the instructions of Func, or neither if it is not known.
type Body struct {
	Name  string
	Model Model
	Func  *ir.Func
}

// Body returns that of fn.
func (c *Code) Body(fn *ssa.Function) *Body {
	if b, ok := c.bodies[fn]; ok {
		return b
	}
	if c.bodies == nil {
		c.bodies = make(map[*ssa.Function]*Body)
	}
	b := &Body{Name: ir.FullName(fn)}
	b.Model = c.Models[b.Name]
	if b.Model == nil && len(fn.Blocks) > 0 {
		b.Func = ir.Prepare(fn, c.Starts)
	}
	c.bodies[fn] = b
	return b
}

// New returns a machine for one run over code, in space, which no other run may use meanwhile.
func New(code *Code, space *heap.Space, limits Limits, script Script) *Machine {
	m := &Machine{Space: space, Code: code, Limits: limits, Script: script, turns: make(map[token.Pos]int)}
	space.Begin(m)
	code.Regs.Recycle()
	return m
}

// Over returns how the run has ended.
func (m *Machine) Over() Outcome { return m.over }

// Stop ends the run.
func (m *Machine) Stop(o Outcome) {
	if m.over == Running {
		m.over = o
	}
}

// Impossible ends a run whose path cannot happen.
func (m *Machine) Impossible() { m.Stop(Pruned) }

// Choose takes one of n ways to go on.
func (m *Machine) Choose(n int) int { return m.Script.choose(n) }

// Turn counts the executions of the operation at pos: 0 for the first.
func (m *Machine) Turn(pos token.Pos) int {
	n := m.turns[pos]
	m.turns[pos] = n + 1
	return n
}

// Phis returns space for n values, which is good until the next call.
func (c *Code) Phis(n int) []Value {
	if cap(c.phis) < n {
		c.phis = make([]Value, n)
	}
	return c.phis[:n]
}

// Event is one step of a run, for people to read.
type Event struct {
	Goroutine int // -1 for a timer
	Pos       token.Pos
	Text      string
}

// Note records that g, or a timer if g is nil, has done something. A "%" in text stands for the operand.
func (m *Machine) Note(g *G, pos token.Pos, text string, operand ssa.Value) {
	if !m.Tracing {
		return
	}
	id := -1
	if g != nil {
		id = g.ID
	}
	m.Trace = append(m.Trace, Event{Goroutine: id, Pos: pos, Text: phrase(text, operand)})
}

// Crash is a runtime panic caused by the misuse of a primitive.
type Crash struct {
	Kind       *CrashKind
	Pos, Other token.Pos
	Goroutine  *G
}

// CrashKind is a way to misuse a primitive.
type CrashKind struct {
	What    string // such as "send on closed channel"
	Subject Subject
}

// Misused notes that g misuses a primitive, and the run goes on.
func (m *Machine) Misused(g *G, kind *CrashKind, pos, other token.Pos) {
	if m.Misuse == nil && !m.Supposed {
		m.Misuse = &Crash{Kind: kind, Pos: pos, Other: other, Goroutine: g}
	}
}

// Crashed ends the run with a runtime panic, unless somebody recovers. What the outside was supposed to do it may well do
// later, or not at all: a run that needs it does not prove a crash.
func (m *Machine) Crashed(g *G, kind *CrashKind, pos, other token.Pos) {
	if m.Supposed || g.Recovers() {
		m.Stop(Pruned)
		return
	}
	if m.over == Running {
		m.Crash = &Crash{Kind: kind, Pos: pos, Other: other, Goroutine: g}
	}
	m.Stop(Exited)
}
