package prim

import (
	"go/token"
	"go/types"
	"slices"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/heap"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
)

const flightPath = "golang.org/x/sync/singleflight"

var _ = define(primitive{
	contents: map[string]content{flightPath + ".Group": func(_ *heap.Space, _ types.Type, open bool) heap.Content {
		return &Flights{open: open}
	}},
	funcs: map[string]function{
		"(*" + flightPath + ".Group).Do":     {Waits | Locks, doFlight},
		"(*" + flightPath + ".Group).DoChan": {Starts | Makes, doChanFlight},
		"(*" + flightPath + ".Group).Forget": {0, forgetFlight},
	},
})

// Flights is a singleflight.Group.
type Flights struct {
	open   bool // others have it too
	flying []*flight
}

// flight is one run of a function, whose result all get who ask for its key meanwhile.
type flight struct {
	key    Value
	runner *machine.G
	at     token.Pos
	chans  []*Chan // of DoChan
	shared bool
	landed bool
	// why it has no result: the function panicked, or ended its goroutine.
	why    machine.Unwinding
	result heap.Tuple
}

// FlightDo is to wait for the result that another goroutine computes, or this one further up.
var FlightDo = &machine.WaitKind{Name: "Do", Subject: machine.Locks}

// Copy copies its state, as an assignment does.
func (x *Flights) Copy() heap.Content { c := *x; return &c }

// Trace has nothing to follow: only the runner of a flight sends its result.
func (x *Flights) Trace(heap.Tracer) {}

// Trace tells that the runner sends to those who wait for a channel.
func (f *flight) Trace(t heap.Tracer) {
	for _, ch := range f.chans {
		t.Mark(ch)
	}
}

// find returns the flight for a key, or nil. Whether two unknown keys are equal is supposed.
func (x *Flights) find(m *machine.Machine, key Value) *flight {
	for _, f := range x.flying {
		equal := m.Binary(token.EQL, types.Typ[types.String], f.key, key, types.Typ[types.Bool])
		if same, ok := m.Condition(equal); ok && same {
			return f
		}
	}
	return nil
}

func (x *Flights) remove(f *flight) {
	x.flying = slices.DeleteFunc(slices.Clone(x.flying), func(o *flight) bool { return o == f })
}

func (x *Flights) begin(runner *machine.G, key Value, pos token.Pos) *flight {
	f := &flight{runner: runner, key: key, at: pos}
	x.flying = append(x.flying, f)
	return f
}

// run runs fn in g; landed is what to do when there is a result.
func (x *Flights) run(m *machine.Machine, g *machine.G, f *flight, fn Value, landed func()) {
	m.Invoke(g, fn, nil, f.at, func(v Value) {
		x.remove(f)
		f.result, _ = v.(heap.Tuple)
		f.landed = true
		for _, ch := range f.chans {
			ch.put(m, g, heap.Struct(f.results()))
		}
		landed()
	}, &machine.Continuation{Keeps: f, Abandoned: func(why machine.Unwinding) {
		x.remove(f)
		f.landed, f.why = true, why
		if why == machine.Panicking && len(f.chans) > 0 { // it is thrown where nobody can recover
			m.Stop(machine.Exited)
		}
	}})
}

// results are the value, the error, and whether others have them too.
func (f *flight) results() heap.Tuple {
	if len(f.result) != 2 {
		return heap.Tuple{nil, nil, f.shared}
	}
	return heap.Tuple{f.result[0], f.result[1], f.shared}
}

func doFlight(c *machine.Call) {
	x, ok := at[*Flights](c)
	if !ok {
		return
	}
	m, g, site := c.M, c.G, c.Site()
	step := site
	step.Done = nil
	g.Op = &machine.Step{Free: machine.Free{Site: step}, Do: func() Value {
		if f := x.find(m, c.Args[1]); f != nil {
			f.shared = true
			g.Op = &flightWait{site, f}
			return nil
		}
		f := x.begin(g, c.Args[1], c.Pos)
		// To run is a step of its own: others may come before the function has ended.
		g.Op = &machine.Step{Free: machine.Free{Site: step}, Do: func() Value {
			x.run(m, g, f, c.Args[2], func() { site.Complete(f.results()) })
			return nil
		}}
		return nil
	}}
}

func doChanFlight(c *machine.Call) {
	x, ok := at[*Flights](c)
	if !ok {
		return
	}
	m, fn := c.M, c.Args[2]
	ch := &Chan{capacity: 1, pos: c.Pos, elem: elemOf(c.Common.Signature().Results().At(0).Type())}
	c.Step(func() Value {
		f := x.find(m, c.Args[1])
		if f != nil {
			f.shared = true
			f.chans = append(f.chans, ch)
			return ch
		}
		f = x.begin(nil, c.Args[1], c.Pos)
		f.chans = []*Chan{ch}
		f.runner = m.Spawn(&machine.Native{Keeps: f.Trace, Call: func(started *machine.Call) {
			x.run(m, started.G, f, fn, func() {})
		}}, nil, nil, c.Pos)
		return ch
	})
}

func forgetFlight(c *machine.Call) {
	if x, ok := at[*Flights](c); ok {
		c.Step(func() Value {
			if f := x.find(c.M, c.Args[1]); f != nil {
				x.remove(f)
			}
			return nil
		})
	}
}

// flightWait waits for a flight of somebody else.
type flightWait struct {
	machine.Site
	f *flight
}

func (o *flightWait) Ready(*machine.Machine, *machine.G) machine.Readiness {
	if o.f.landed {
		return machine.Ready
	}
	return machine.Blocked
}

// Perform goes on with the result, or as the function did: it panics, or ends the goroutine.
func (o *flightWait) Perform(m *machine.Machine, g *machine.G) {
	switch {
	case o.f.why == machine.NotUnwinding:
		o.Complete(o.f.results())
	case o.f.why == machine.Panicking && !g.Recovers():
		m.Stop(machine.Exited)
	case g.Top() != nil:
		g.Top().Unwinding = o.f.why
	}
}

func (o *flightWait) Trace(heap.Tracer) {}

func (o *flightWait) Hope(alive machine.Alive, _ *machine.G) bool {
	return alive.Goroutine(o.f.runner)
}

func (o *flightWait) Wait(*machine.Machine, *machine.G) machine.Wait {
	return machine.Wait{Kind: FlightDo, Other: o.f.at, Holder: o.f.runner}
}
