package machine

import (
	"go/token"
	"sort"

	"golang.org/x/tools/go/ssa"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/facts"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/heap"
)

// Timer is something that happens by itself.
type Timer struct {
	Name   string // what happens, for people
	Active bool
	Repeat bool // it stays active when it has fired
	// Distant: its time does not come. It can be stopped like others, and be set anew to one that does.
	Distant bool
	// Ready tells whether it can fire now; nil for always.
	Ready func() bool
	Fire  func()
	// Keeps calls t with what its firing reaches.
	Keeps func(t heap.Tracer)
	// Drain takes back what it has fired and nobody has received yet; it tells whether there was something. Nil for nothing.
	Drain func() bool
	// Cell is the time.Timer or time.Ticker; who has it may start the timer again.
	Cell *Value

	fired int
}

const (
	// maxStreak is how often in a row one goroutine goes on while others could: whoever spins goes to the back then.
	maxStreak = 12
	// maxInitOps bounds the operations of a package's initializers.
	maxInitOps = 300
)

// Start runs fn with arguments from outside, until every goroutine has ended or waits, or a limit is reached.
func (m *Machine) Start(fn *ssa.Function) {
	if m.ZeroGlobals {
		m.initialize()
	}
	args := make([]Value, len(fn.Params))
	for i, p := range fn.Params {
		args[i] = m.Fresh(p.Type())
		if u, ok := args[i].(*facts.Term); ok && i == 0 && fn.Signature.Recv() != nil {
			u.SetNil(false) // methods are called on something
		}
		m.Escape(args[i])
	}
	m.Spawn(fn, args, nil, token.NoPos)
	m.loop()
}

// initialize runs the package's initializers, which come before every run of a program.
func (m *Machine) initialize() {
	init := m.Package.Func("init")
	if init == nil {
		return
	}
	g := m.Spawn(init, nil, nil, token.NoPos)
	for range maxInitOps {
		if g.Op != nil && g.Op.Ready(m, g) != Ready {
			break
		}
		m.proceed(g)
		if g.Done || m.over != Running {
			break
		}
	}
	// What it started is not part of the run, and what it could not finish is not held against it.
	m.Gs, m.Cur, m.over, m.Crash, m.Misuse, m.Supposed, m.Trace = nil, nil, Running, nil, nil, false, nil
	m.Steps, m.Outside, m.Visits = 0, nil, nil
	m.Script.Taken, m.Script.Widths = m.Script.Taken[:0], m.Script.Widths[:0]
}

func (m *Machine) loop() {
	for m.over == Running {
		g, act := m.pick()
		switch {
		case g == nil && act == nil:
			m.Stop(Finished)
		case m.Points > m.Limits.Points:
			m.Stop(Exhausted)
		case act != nil:
			act()
		default:
			m.proceed(g)
		}
	}
}

// proceed lets g perform the operation it is at and go on to the next.
func (m *Machine) proceed(g *G) {
	m.Cur = g
	g.Yielded = false
	if o := g.Op; o != nil {
		g.Op = nil
		g.Ops++
		o.Perform(m, g)
	}
	m.Exec.Execute(m, g)
}

// pick chooses what happens next: a goroutine goes on, or something happens by itself (a timer fires, the outside acts).
func (m *Machine) pick() (*G, func()) {
	ready, lazy := m.ready()
	// Fairness: whoever spins or yields goes to the back.
	if len(ready) > 1 && ready[0] == m.Cur {
		if m.streak++; m.Cur.Yielded || m.streak > maxStreak {
			ready = append(ready[1:], ready[0])
			m.streak = 0
		}
	} else {
		m.streak = 0
	}
	due := m.due()
	total := len(ready) + len(lazy) + len(due)
	if total == 0 {
		return nil, m.help()
	}
	if total > 1 {
		m.Points++
	}
	k := m.Choose(total)
	if k < len(ready) {
		return ready[k], nil
	}
	if k -= len(ready); k < len(lazy) {
		return lazy[k], nil
	}
	t := due[k-len(lazy)]
	return nil, func() {
		t.fired++
		t.Active = t.Repeat
		m.Note(nil, token.NoPos, t.Name, nil)
		m.As(nil, t.Fire)
	}
}

// ready returns the goroutines that can go on, the current one first, and those that can but let others go first.
func (m *Machine) ready() (ready, lazy []*G) {
	start := 0
	if m.Cur != nil {
		start = m.Cur.ID
	}
	n := len(m.Gs)
	for i := range n {
		g := m.Gs[(start+i)%n]
		if g.Done || g.Parked {
			continue
		}
		state := Ready
		if g.Op != nil {
			state = g.Op.Ready(m, g)
		}
		switch state {
		case Ready:
			ready = append(ready, g)
		case Lazy:
			lazy = append(lazy, g)
		}
	}
	return ready, lazy
}

// due returns the timers that can fire, those first that have fired least.
func (m *Machine) due() []*Timer {
	var due []*Timer
	for _, t := range m.Timers {
		if t.Active && !t.Distant && (t.Ready == nil || t.Ready()) {
			due = append(due, t)
		}
	}
	sort.SliceStable(due, func(i, j int) bool { return due[i].fired < due[j].fired })
	return due
}

// help lets the outside do something when nothing else can happen.
func (m *Machine) help() func() {
	if m.Helper == nil {
		return nil
	}
	acts := m.Helper(m)
	if len(acts) == 0 {
		return nil
	}
	m.Supposed = true
	return acts[m.Choose(len(acts))]
}

// Halt stops the timer, or starts it anew, and tells whether it was active: a value that nobody has received yet counts as not
// sent, and is taken back, as from Go 1.23 on.
func (t *Timer) Halt(active bool) (was bool) {
	was = t.Active
	if t.Drain != nil && t.Drain() {
		was = true
	}
	t.Active, t.Distant = active, false
	return was
}

// Waits tells whether g can only go on if something else happens.
func (m *Machine) Waits(g *G) bool {
	return !g.Done && !g.Parked && g.Op != nil && g.Op.Ready(m, g) == Blocked
}
