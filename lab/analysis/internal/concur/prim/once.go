package prim

import (
	"go/token"
	"go/types"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/heap"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
)

var _ = define(primitive{
	contents: map[string]content{"sync.Once": func(_ *heap.Space, _ types.Type, open bool) heap.Content { return &Once{open: open} }},
	funcs:    map[string]function{"(*sync.Once).Do": {Waits | Locks, doOnce}},
})

// Once is a sync.Once. Do is done also when its function panics or ends the goroutine.
type Once struct {
	open   bool // others have it too
	state  onceState
	runner *machine.G
	at     token.Pos
}

type onceState uint8

const (
	onceNew onceState = iota
	onceRuns
	onceDone
)

// OnceDo is to wait for the function that another goroutine runs in a Once, or this one further up.
var OnceDo = &machine.WaitKind{Name: "Once.Do", Subject: machine.Locks}

// Copy copies its state, as an assignment does.
func (x *Once) Copy() heap.Content { c := *x; return &c }

// Trace has nothing to follow.
func (x *Once) Trace(heap.Tracer) {}

func doOnce(c *machine.Call) {
	if x, ok := at[*Once](c); ok {
		c.G.Op = &onceDo{c.Site(), x, c.Args[1]}
	}
}

// onceDo is Do.
type onceDo struct {
	machine.Site
	x  *Once
	fn Value
}

func (o *onceDo) Ready(*machine.Machine, *machine.G) machine.Readiness {
	if o.x.state == onceRuns {
		return machine.Blocked
	}
	return machine.Ready
}

func (o *onceDo) Perform(m *machine.Machine, g *machine.G) {
	x := o.x
	if x.state == onceDone {
		o.Complete(nil)
		return
	}
	x.state, x.runner, x.at = onceRuns, g, o.Pos
	m.Invoke(g, o.fn, nil, o.Pos, func(Value) {
		x.state = onceDone
		o.Complete(nil)
	}, &machine.Continuation{Abandoned: func(machine.Unwinding) { x.state = onceDone }})
}

func (o *onceDo) Trace(t heap.Tracer) { t.Mark(o.x) }

func (o *onceDo) Hope(alive machine.Alive, _ *machine.G) bool {
	return o.x.runner != nil && alive.Goroutine(o.x.runner)
}

func (o *onceDo) Wait(*machine.Machine, *machine.G) machine.Wait {
	return machine.Wait{Kind: OnceDo, Other: o.x.at, Holder: o.x.runner}
}
