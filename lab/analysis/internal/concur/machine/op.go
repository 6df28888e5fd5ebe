package machine

import (
	"go/token"
	"strings"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/heap"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/ir"
)

// Op is an operation that a goroutine is at, before which others may go on. Each primitive has its own.
type Op interface {
	// At is where the operation stands.
	At() *Site
	// Ready tells whether g can perform it now.
	Ready(m *Machine, g *G) Readiness
	// Perform performs it, when it is ready. The goroutine is at no operation then, unless Perform sets one.
	Perform(m *Machine, g *G)
	// Trace calls t with what g may use when it goes on.
	Trace(t heap.Tracer)
	// Hope tells whether something alive may let g go on, which waits.
	Hope(alive Alive, g *G) bool
	// Wait says what g waits for.
	Wait(m *Machine, g *G) Wait
}

// Readiness is whether an operation can be performed.
type Readiness uint8

// The states of an operation.
const (
	Blocked Readiness = iota
	Ready
	Lazy    // it can be performed, but others rather go first, as with a Sleep
	Forever // it waits for ever, and is meant to
)

// Alive is what can be reached from whatever may still run; see package reach.
type Alive interface {
	// Has tells whether something alive can act on the object.
	Has(o heap.Object) bool
	// Goroutine tells whether g may still run.
	Goroutine(g *G) bool
}

// Helped is an operation that code outside of the model may complete.
type Helped interface {
	// Help returns what the outside may do about it, given what it can reach.
	Help(outside Alive) []func()
}

// Site is where an operation stands, and how its goroutine goes on.
type Site struct {
	Pos     token.Pos
	Operand ssa.Value   // what it operates on, for people
	Done    func(Value) // what to do with its result, if anything
}

// At returns s.
func (s *Site) At() *Site { return s }

// Complete goes on with the result v of the operation.
func (s *Site) Complete(v Value) {
	if s.Done != nil {
		s.Done(v)
	}
}

// Free is the part of an operation that never waits.
type Free struct{ Site }

// Ready says so.
func (*Free) Ready(*Machine, *G) Readiness { return Ready }

// Trace has nothing to follow: what a Step uses its goroutine holds as well.
func (*Free) Trace(heap.Tracer) {}

// Hope says so.
func (*Free) Hope(Alive, *G) bool { return true }

// Wait is never asked for.
func (*Free) Wait(*Machine, *G) Wait { return Wait{} }

// Step is an operation that others see, such as closing a channel.
type Step struct {
	Free
	Do func() Value
}

// Perform does it.
func (s *Step) Perform(m *Machine, _ *G) {
	var v Value
	if s.Do != nil {
		v = s.Do()
	}
	s.Complete(v)
}

// Pause is an operation at which others go on first.
type Pause struct {
	Free
	// Long: it lasts until nobody else can go on, or the search tries it; else it is over when somebody else had a turn.
	Long bool
}

// Ready tells that a long one can end at any time.
func (p *Pause) Ready(*Machine, *G) Readiness {
	if p.Long {
		return Lazy
	}
	return Ready
}

// Perform ends it.
func (p *Pause) Perform(_ *Machine, g *G) {
	g.Yielded = !p.Long
	p.Complete(nil)
}

// Subject is what a finding is about.
type Subject uint8

// The subjects.
const (
	Channels Subject = iota // channels, WaitGroups, Conds and the like
	Locks
	Contexts
)

// WaitKind is a kind of operation that waits.
type WaitKind struct {
	// Name is the method with its type, such as "WaitGroup.Wait", or what is done, such as "send on %", where "%" stands for
	// the operand.
	Name    string
	Subject Subject
	// Weight is how well the operation explains a deadlock, among several that wait: 0 for those that wait for other
	// goroutines to end, whose waiting is a consequence.
	Weight int
}

// Wait is what a goroutine waits for.
type Wait struct {
	Kind *WaitKind
	// Other is where the lock it waits for was taken, or the channel it waits on was made; NoPos if unknown.
	Other token.Pos
	// Holder is the goroutine that holds what it waits for, or nil.
	Holder *G
	Nil    bool // it waits on a nil channel
	// Context: it waits for the end of a context, and for nothing else.
	Context bool
	// Again: it has the lock for reading, and wants it so once more.
	Again bool
}

// phrase puts the name of the operand in the place of "%".
func phrase(text string, operand ssa.Value) string {
	before, after, ok := strings.Cut(text, "%")
	if !ok {
		return text
	}
	name := ir.Describe(operand)
	if name == "" {
		name = "it"
	}
	return before + name + after
}
