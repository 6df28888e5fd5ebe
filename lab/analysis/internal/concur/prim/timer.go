package prim

import (
	"go/types"
	"time"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/heap"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
)

var _ = define(primitive{
	funcs: map[string]function{
		"time.Sleep":           {0, func(c *machine.Call) { c.Pause(true) }},
		"time.After":           {0, func(c *machine.Call) { c.Result(timerChan(c.M, false, nil)) }},
		"time.Tick":            {0, func(c *machine.Call) { c.Result(timerChan(c.M, true, nil)) }},
		"time.NewTimer":        {0, func(c *machine.Call) { newTimer(c, false) }},
		"time.NewTicker":       {0, func(c *machine.Call) { newTimer(c, true) }},
		"time.AfterFunc":       {Starts, afterFunc},
		"(*time.Timer).Stop":   {0, stopTimer},
		"(*time.Ticker).Stop":  {0, stopTimer},
		"(*time.Timer).Reset":  {0, resetTimer},
		"(*time.Ticker).Reset": {0, resetTimer},
	},
})

// timerChan returns the channel of a new timer, which lies in cell if that is not nil.
func timerChan(m *machine.Machine, repeat bool, cell *Value) *Chan {
	ch := &Chan{capacity: 1, clock: true, elem: types.Typ[types.Int64]}
	m.Timers = append(m.Timers, &machine.Timer{Name: "a timer fires", Active: true, Repeat: repeat, Cell: cell,
		Keeps: func(t heap.Tracer) { t.Mark(ch) },
		Ready: func() bool { return len(ch.buf) == 0 },
		Drain: func() bool {
			had := len(ch.buf) > 0
			ch.buf = nil
			return had
		},
		Fire: func() { ch.put(m, nil, m.NewTerm(types.Typ[types.Int64])) }})
	return ch
}

func newTimer(c *machine.Call, repeat bool) {
	cell := newTimerCell(c)
	ch := timerChan(c.M, repeat, cell)
	if s, ok := (*cell).(heap.Struct); ok && len(s) > 0 {
		s[0] = ch // C, the first field
	}
	c.Result(cell)
}

// newTimerCell returns a cell for the time.Timer or time.Ticker that c makes.
func newTimerCell(c *machine.Call) *Value {
	cell := new(Value)
	*cell = c.M.Zero(c.Common.Signature().Results().At(0).Type().(*types.Pointer).Elem())
	return cell
}

// never is from when on a time is one that does not come: such a timer is made to be Reset later.
const never = 24 * time.Hour

func afterFunc(c *machine.Call) {
	m, cell := c.M, newTimerCell(c)
	fn, pos := c.Args[1], c.Pos
	d, known := c.Args[0].(int64)
	m.Timers = append(m.Timers, &machine.Timer{Name: "the AfterFunc timer fires", Active: true, Distant: known && d >= int64(never), Cell: cell,
		Keeps: func(t heap.Tracer) { t.Mark(fn) },
		Fire:  func() { m.Spawn(fn, nil, nil, pos) }})
	c.Result(cell)
}

// timerAt returns the timer in the cell that p points to, or nil.
func timerAt(m *machine.Machine, p Value) *machine.Timer {
	for _, t := range m.Timers {
		if t.Cell != nil && p == Value(t.Cell) {
			return t
		}
	}
	return nil
}

func stopTimer(c *machine.Call)  { haltTimer(c, false) }
func resetTimer(c *machine.Call) { haltTimer(c, true) }

func haltTimer(c *machine.Call, active bool) {
	if t := timerAt(c.M, c.Args[0]); t != nil {
		c.Step(func() Value { return t.Halt(active) })
	} else {
		c.Result(c.M.Fresh(c.ResultType(nil)))
	}
}
