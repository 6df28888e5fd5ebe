package machine

import (
	"go/token"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/heap"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/ir"
)

// G is a goroutine of the model.
type G struct {
	ID     int           // 0 is the function that is explored
	Fn     *ssa.Function // what it started with, if that has a body
	Frames []*Frame
	Op     Op   // the operation it is at; nil while it runs and when it has ended
	Done   bool // it has ended
	// Yielded: it lets others go first.
	Yielded bool
	// Parked: it runs on somewhere beyond the bounds of the model.
	Parked  bool
	Spawned token.Pos // where it was started; NoPos for the first
	Starter *G        // who started it; nil for the first, and for those that timers start
	Ops     int       // the operations that it has performed
	Result  Value     // of its function
	// Joins is what counts its end; nil for nothing.
	Joins Joined
}

// Joined counts the ends of goroutines, as a WaitGroup does that has started them.
type Joined interface {
	heap.Object
	// Ended counts the end of g.
	Ended(m *Machine, g *G)
	// Undecided calls t with what those goroutines may still do that have ended as far as the model can say.
	Undecided(t heap.Tracer)
}

// Frame is a call of a function under way.
type Frame struct {
	Fn     *ir.Func
	Regs   []Value
	Block  *ssa.BasicBlock
	Prev   *ssa.BasicBlock // the block before
	PC     int             // the next instruction of Block
	Visits []uint8         // of loop heads, by block
	Defers []Deferred
	// Return is what to do with the result, if anything.
	Return func(v Value)
	// Model is what a model has to do that has made the call; nil for none.
	Model *Continuation
	// DeferOf is the frame whose deferred call this is.
	DeferOf   *Frame
	Unwinding Unwinding
	Panic     Value // what it panics with
	Recovered bool  // a deferred call has recovered from the panic
}

// Deferred is a deferred call.
type Deferred struct {
	Fn   Value
	Args []Value
	Call *ssa.CallCommon
	Pos  token.Pos
}

// Unwinding is why a frame is being left other than by a return.
type Unwinding uint8

// The reasons.
const (
	NotUnwinding Unwinding = iota
	Panicking
	Exiting // runtime.Goexit
)

// Top returns the frame of the function that g is in, or nil.
func (g *G) Top() *Frame {
	if n := len(g.Frames); n > 0 {
		return g.Frames[n-1]
	}
	return nil
}

// Pop leaves the frame of the function that g is in.
func (g *G) Pop() { g.Frames = g.Frames[:len(g.Frames)-1] }

// Where returns the function that g is in.
func (g *G) Where() *ssa.Function {
	if f := g.Top(); f != nil {
		return f.Fn.Function
	}
	return g.Fn
}

// Recovers tells whether a deferred call on g's stack might recover from a panic.
func (g *G) Recovers() bool {
	for _, f := range g.Frames {
		for _, d := range f.Defers {
			if recovers(d.Fn) {
				return true
			}
		}
	}
	return false
}

// recovers tells whether a deferred function calls recover.
func recovers(fn Value) bool {
	f, ok := fn.(*ssa.Function)
	if c, isClosure := fn.(*heap.Closure); isClosure {
		f, ok = c.Fn, true
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

// Spawn starts a goroutine which runs fn(args). common is the call in the program, nil for those that a model makes.
func (m *Machine) Spawn(fn Value, args []Value, common *ssa.CallCommon, pos token.Pos) *G {
	g := &G{ID: len(m.Gs), Spawned: pos, Starter: m.Cur}
	m.Gs = append(m.Gs, g)
	m.As(g, func() {
		m.Exec.Invoke(&Call{M: m, G: g, Args: args, Common: common, Pos: pos, Done: func(v Value) { g.Result = v }}, fn)
	})
	if f := g.Top(); f != nil {
		g.Fn = g.Frames[0].Fn.Function
	}
	return g
}

// As does something in the name of g.
func (m *Machine) As(g *G, do func()) {
	was := m.Cur
	m.Cur = g
	do()
	m.Cur = was
}

// End finishes g.
func (m *Machine) End(g *G) {
	g.Done = true
	m.Note(g, token.NoPos, "ends", nil)
	if g.Joins != nil {
		g.Joins.Ended(m, g)
	}
	if g.ID == 0 {
		m.Escape(g.Result)
		if m.Package.Pkg.Name() == "main" && g.Fn != nil && g.Fn.Name() == "main" {
			m.Stop(Exited)
		}
	}
}
