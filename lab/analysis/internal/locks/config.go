package locks

import (
	"slices"

	"golang.org/x/tools/go/ssa"
)

// Held is a lock that is held. Taken is the call that took it, nil if the function was entered with it.
type Held struct {
	Lock  Place
	Mode  Mode
	Taken ssa.CallInstruction
}

// config is one way in which control may have come to an instruction.
type config struct {
	held    []Held       // in the order in which they were taken
	freed   []Place      // taken by the function itself, and released again
	touched []Place      // held at the entry, and released at some time
	defers  []*ssa.Defer // calls that are still to run
	known   uint32       // conditions of which it is known how they fell, by bit
	value   uint32       // and how
}

func (c *config) equal(d *config) bool {
	return c.known == d.known && c.value == d.value && slices.Equal(c.held, d.held) && slices.Equal(c.freed, d.freed) &&
		slices.Equal(c.touched, d.touched) && slices.Equal(c.defers, d.defers)
}

func (c config) clone() config {
	c.held, c.freed = slices.Clone(c.held), slices.Clone(c.freed)
	c.touched, c.defers = slices.Clone(c.touched), slices.Clone(c.defers)
	return c
}

func (c *config) index(p Place) int {
	return slices.IndexFunc(c.held, func(h Held) bool { return h.Lock == p })
}

func (c *config) take(h Held) {
	if i := c.index(h.Lock); i >= 0 {
		c.held[i].Mode = max(c.held[i].Mode, h.Mode)
		return
	}
	c.held = append(c.held, h)
}

// release tells whether the lock was held.
func (c *config) release(p Place) bool {
	i := c.index(p)
	if i < 0 {
		return false
	}
	list := &c.freed
	if c.held[i].Taken == nil {
		list = &c.touched
	}
	if !slices.Contains(*list, p) {
		*list = append(*list, p)
	}
	c.held = slices.Delete(c.held, i, i+1)
	return true
}

// decide notes how condition i falls, and tells whether that can be.
func (c *config) decide(i int, is bool) bool {
	bit := uint32(1) << i
	if c.known&bit != 0 {
		return (c.value&bit != 0) == is
	}
	c.known |= bit
	c.value &^= bit
	if is {
		c.value |= bit
	}
	return true
}

func (c *config) forget(i int) {
	c.known &^= 1 << i
	c.value &^= 1 << i
}

// State is what is held at an instruction.
type State struct {
	Must []Held // whichever way control has come
	May  []Held // on some way, Must included
}

// MayHold tells whether the lock is held on some way.
func (s State) MayHold(p Place) bool {
	_, ok := find(s.May, p)
	return ok
}

func find(list []Held, p Place) (Mode, bool) {
	for _, h := range list {
		if h.Lock == p {
			return h.Mode, true
		}
	}
	return Shared, false
}

func stateOf(configs []config) State {
	var s State
	for i, c := range configs {
		if i == 0 {
			s.Must = slices.Clone(c.held)
		} else {
			s.Must = meet(s.Must, c.held)
		}
		for _, h := range c.held {
			if !s.MayHold(h.Lock) {
				s.May = append(s.May, h)
			}
		}
	}
	return s
}

// meet returns what is held in both, for reading where one of them holds it so.
func meet(a, b []Held) []Held {
	var out []Held
	for _, h := range a {
		if mode, ok := find(b, h.Lock); ok {
			h.Mode = min(h.Mode, mode)
			out = append(out, h)
		}
	}
	return out
}

// add puts c among configs unless it is there.
func add(configs []config, c config) ([]config, bool) {
	if slices.ContainsFunc(configs, func(d config) bool { return d.equal(&c) }) {
		return configs, false
	}
	return append(configs, c), true
}
