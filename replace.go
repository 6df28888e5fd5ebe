package stability

import (
	"fmt"
	"slices"

	"github.com/falsifiable/stability/internal/timescale"
	"github.com/falsifiable/stability/signals"
)

// Replace puts contracts in the places of those of their names, while they are under watch. A check of the same name and
// meaning goes on as it was, with its state, strikes and baselines; a new or changed one warms up. A contract of a new name is
// registered. If one of them has an error none is taken, and what was in force stays so.
func (m *Monitor) Replace(contracts ...*Contract) error {
	m.judging.Lock()
	defer m.judging.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	made := make([]*contract, len(contracts))
	for i, c := range contracts {
		var err error
		if made[i], err = compile(c, m.engine.store, m.scale); err != nil {
			return err
		}
		if slices.ContainsFunc(made[:i], func(other *contract) bool { return other.Name == c.Name }) {
			return fmt.Errorf("stability: replacing contract %q: it is there twice", c.Name)
		}
	}
	for _, c := range made {
		m.swap(c)
	}
	return nil
}

// swap puts a compiled contract under watch. The caller holds mu.
func (m *Monitor) swap(made *contract) {
	old := m.contracts[made.Name]
	if old == nil {
		m.engine.add(made)
	} else {
		for _, e := range m.engine.replace(old, made) {
			m.handle(e, m.engine.now)
		}
		m.dismiss(old)
	}
	m.enlist(made)
}

// Remove takes the contracts of these names out of watch. What was violated in them is so no longer, and responders that were
// told of it hear so. A name that is not registered is nothing to remove.
func (m *Monitor) Remove(names ...string) {
	m.judging.Lock()
	defer m.judging.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range names {
		old := m.contracts[name]
		if old == nil {
			continue
		}
		for _, e := range m.engine.remove(old) {
			m.handle(e, m.engine.now)
		}
		m.dismiss(old)
		delete(m.contracts, name)
	}
}

// Preview compiles contracts as [Monitor.Replace] would and returns what their status would be, [CheckStatus.Proven] and the
// warnings among it; nothing is put under watch. The error is the one that Replace would give.
func (m *Monitor) Preview(contracts ...*Contract) ([]ContractStatus, error) {
	m.mu.Lock()
	resolution, scale := timescale.Scale(m.cfg.SampleInterval, m.scale), m.scale
	m.mu.Unlock()
	// A store of its own: compiling makes one keep more.
	store := signals.NewStore(m.schema, signals.StoreConfig{Resolution: resolution})
	var all []ContractStatus
	for _, c := range contracts {
		made, err := compile(c, store, scale)
		if err != nil {
			return nil, err
		}
		all = append(all, contractStatus(made, func(read func()) { read() }))
	}
	return all, nil
}

// dismiss ends the worker of a contract's OnViolation. The caller holds mu.
func (m *Monitor) dismiss(c *contract) {
	kept := make([]*worker, 0, len(m.workers)) // a copy: the incidents' goroutine may be reading the old one
	for _, w := range m.workers {
		if w.only == c.Contract {
			w.end()
		} else {
			kept = append(kept, w)
		}
	}
	m.workers = kept
}

// replace puts a contract in the place of an old one. The checks that mean the same go on as they were; made gets the
// old ones. Of those that are given up, what was violated is so no longer: the events say it, and are valid until the
// next step.
func (e *engine) replace(old, made *contract) []event {
	made.next, made.evaluated = old.next, old.evaluated
	kept := make(map[*check]bool)
	for i, k := range made.checks {
		k.warmUntil = e.now + e.warmup
		if before := old.same(k); before != nil {
			before.Check, before.contract, before.proof = k.Check, made, k.proof
			made.checks[i] = before
			kept[before] = true
		}
	}
	e.contracts[slices.Index(e.contracts, old)] = made
	return e.giveUp(old, kept)
}

// remove takes a contract out. The events are as those of replace.
func (e *engine) remove(old *contract) []event {
	e.contracts = slices.DeleteFunc(e.contracts, func(c *contract) bool { return c == old })
	return e.giveUp(old, nil)
}

// giveUp ends the checks of a contract that are not kept.
func (e *engine) giveUp(old *contract, kept map[*check]bool) []event {
	e.out = e.out[:0]
	for _, k := range old.checks {
		if kept[k] {
			continue
		}
		k.gone = true
		for _, in := range k.instances.list {
			e.move(k, in, Unknown)
		}
	}
	return e.out
}

// same returns the contract's check of that name and meaning, nil if there is none.
func (c *contract) same(as *check) *check {
	for _, k := range c.checks {
		if k.Name == as.Name && k.hash == as.hash {
			return k
		}
	}
	return nil
}
