package reach

import (
	"slices"
	"testing"

	"github.com/falsifiable/stability/lab/analysis/internal/concur/heap"
	"github.com/falsifiable/stability/lab/analysis/internal/concur/machine"
)

// box is an object that holds others.
type box struct{ holds []heap.Value }

func (b *box) Trace(t heap.Tracer) { t.Each(b.holds) }

// wait is an operation that is blocked until somebody acts on its object. While it waits, its goroutine holds what is in holds.
type wait struct {
	machine.Site
	on    heap.Object
	holds []heap.Value
	ready machine.Readiness
}

func (w *wait) Ready(*machine.Machine, *machine.G) machine.Readiness { return w.ready }
func (w *wait) Perform(*machine.Machine, *machine.G)                 {}
func (w *wait) Trace(t heap.Tracer)                                  { t.Each(w.holds) }
func (w *wait) Hope(alive machine.Alive, _ *machine.G) bool          { return alive.Has(w.on) }
func (w *wait) Wait(*machine.Machine, *machine.G) machine.Wait       { return machine.Wait{} }
func (w *wait) Help(outside machine.Alive) (acts []func()) {
	if outside.Has(w.on) {
		acts = append(acts, func() {})
	}
	return acts
}

func blocked(on heap.Object, holds ...heap.Value) *machine.G {
	return &machine.G{Op: &wait{on: on, holds: holds, ready: machine.Blocked}}
}

func able(holds ...heap.Value) *machine.G {
	return &machine.G{Op: &wait{holds: holds, ready: machine.Ready}}
}

func run(gs ...*machine.G) *machine.Machine {
	m := machine.New(&machine.Code{}, &heap.Space{}, machine.Limits{}, machine.Script{})
	m.Gs = gs
	return m
}

// Each case says of which goroutines, by number, nothing alive reaches what they wait for.
func TestStuck(t *testing.T) {
	c, d := new(box), new(box)
	cell := func(v heap.Value) *heap.Value { return &v }
	for _, tt := range []struct {
		name string
		m    *machine.Machine
		want []int
	}{
		{"nobody else", run(blocked(c)), []int{0}},
		{"one that can go on holds it", run(able(c), blocked(c)), nil},
		{"one that can go on holds something else", run(able(d), blocked(c)), []int{1}},
		{"held through another object", run(able(&box{[]heap.Value{c}}), blocked(c)), nil},
		{"held through a pointer", run(able(cell(c)), blocked(c)), nil},
		{"held in a struct", run(able(heap.Struct{int64(1), c}), blocked(c)), nil},
		{"held behind an interface", run(able(heap.Iface{Val: c}), blocked(c)), nil},
		{"each holds what the other waits for", run(blocked(c, d), blocked(d, c)), []int{0, 1}},
		{"one that is revived revives another", run(able(c), blocked(c, d), blocked(d)), nil},
		{"the order does not matter", run(blocked(d), blocked(c, d), able(c)), nil},
		{"who waits for itself holds it in vain", run(blocked(c, c)), []int{0}},
		{"who has ended holds nothing", run(&machine.G{Done: true, Op: &wait{holds: []heap.Value{c}}}, blocked(c)), []int{1}},
		{"beyond the bounds of the model it may do anything", run(&machine.G{Parked: true, Op: &wait{holds: []heap.Value{c}}}, blocked(c)), nil},
	} {
		if got := numbers(tt.m, new(Judge).Stuck(tt.m)); !slices.Equal(got, tt.want) {
			t.Errorf("%s: stuck are %v, want %v", tt.name, got, tt.want)
		}
	}
}

func numbers(m *machine.Machine, gs []*machine.G) (out []int) {
	for _, g := range gs {
		out = append(out, slices.Index(m.Gs, g))
	}
	return out
}

// What others have been given may come back from them at any time.
func TestOutside(t *testing.T) {
	c := new(box)
	m := run(blocked(c))
	m.Escape(&box{[]heap.Value{c}})
	if stuck := new(Judge).Stuck(m); len(stuck) > 0 {
		t.Errorf("%d goroutines are stuck at what others have", len(stuck))
	}
	if acts := new(Judge).Help(m); len(acts) != 1 {
		t.Errorf("others can do %d things, want 1", len(acts))
	}
	if acts := new(Judge).Help(run(blocked(c))); len(acts) != 0 {
		t.Errorf("others can do %d things to what they never got", len(acts))
	}
}

// A timer that is set will fire. One that was stopped can be set again by whoever has it.
func TestTimers(t *testing.T) {
	for _, tt := range []struct {
		name         string
		active, held bool
		want         int
	}{
		{"set", true, false, 0},
		{"stopped", false, false, 1},
		{"stopped, and somebody has it", false, true, 0},
	} {
		c, cell := new(box), new(heap.Value)
		m := run(blocked(c))
		m.Timers = []*machine.Timer{{Active: tt.active, Cell: cell, Keeps: func(tr heap.Tracer) { tr.Mark(c) }}}
		if tt.held {
			m.Gs = append(m.Gs, able(cell))
		}
		if stuck := new(Judge).Stuck(m); len(stuck) != tt.want {
			t.Errorf("%s: %d are stuck, want %d", tt.name, len(stuck), tt.want)
		}
	}
}

// A judge is asked again and again, and remembers nothing of the last run.
func TestAgain(t *testing.T) {
	c := new(box)
	var j Judge
	j.Stuck(run(able(c), blocked(c)))
	if stuck := j.Stuck(run(blocked(c))); len(stuck) != 1 {
		t.Errorf("%d are stuck, want 1: something of the run before is left", len(stuck))
	}
}
