package stability

import (
	"errors"
	"fmt"
	"slices"

	"github.com/falsifiable/stability/internal/attached"
	"github.com/falsifiable/stability/signals"
)

// Schema returns the names that contracts of this monitor may use.
func (m *Monitor) Schema() *signals.Schema { return m.schema }

// ErrAttached is returned by [Monitor.Attach] for a source that a monitor reads already. Stop that monitor first, or make
// another source.
var ErrAttached = errors.New("a monitor of this process reads the source already")

// Attach makes the monitor read a source from the next tick on, until the monitor is stopped. It fails with
// ErrAttached when a monitor reads the source already, and when the source declares a signal that is already known
// with another unit, kind or labels.
func (m *Monitor) Attach(source signals.Source) error {
	release, free := attached.Claim(source)
	if !free {
		return fmt.Errorf("stability: attaching a source (%T): %w", source, ErrAttached) // it may be being read, so it is not asked its name
	}
	ids := make(map[*signals.Signal]signals.ID)
	declared := source.Describe()
	for _, s := range declared {
		id, err := m.schema.Add(s.Desc())
		if err != nil {
			release()
			return fmt.Errorf("stability: attaching a source: %w", err)
		}
		ids[s] = id
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.newSampler(source, nameOf(source, declared), ids, release)
	m.samplers = append(m.samplers, s)
	if m.alive() {
		s.start()
	}
	return nil
}

// nameOf names a source by its first signal, which is how people know it.
func nameOf(source signals.Source, declared []*signals.Signal) string {
	if len(declared) == 0 {
		return fmt.Sprintf("%T", source)
	}
	return declared[0].Name()
}

// Renew returns a monitor that has not been started, with the contracts and sources of this one: a stopped monitor cannot be
// started again, and tests start their service many times. Sources that a monitor reads at the moment are left out.
func (m *Monitor) Renew() (*Monitor, error) {
	m.mu.Lock()
	cfg, samplers := m.cfg, slices.Clone(m.samplers)
	m.mu.Unlock()
	renewed := NewMonitor(cfg)
	for _, d := range m.schema.All() {
		if _, err := renewed.schema.Add(d); err != nil {
			return nil, fmt.Errorf("stability: renewing a monitor: %w", err)
		}
	}
	for _, s := range samplers {
		if _, ours := s.source.(self); ours {
			continue
		}
		if err := renewed.Attach(s.source); err != nil && !errors.Is(err, ErrAttached) {
			return nil, err
		}
	}
	for _, c := range m.Contracts() {
		if err := renewed.Register(c); err != nil {
			return nil, err
		}
	}
	return renewed, nil
}

// Contracts returns the registered contracts, in order.
func (m *Monitor) Contracts() []*Contract {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []*Contract
	for _, c := range m.engine.contracts {
		all = append(all, c.Contract)
	}
	return all
}

// Register puts a contract under watch. A contract with an error is refused whole, and nothing else changes. Warnings
// about one that is accepted, such as a check that can never fire, go to the log, and are in its CheckStatus.
func (m *Monitor) Register(c *Contract) error {
	m.judging.Lock()
	defer m.judging.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	if c != nil && m.contracts[c.Name] != nil {
		return fmt.Errorf("stability: registering contract %q: one of that name is registered", c.Name)
	}
	made, err := compile(c, m.engine.store, m.scale)
	if err != nil {
		return err
	}
	m.engine.add(made)
	m.enlist(made)
	return nil
}

// enlist makes a compiled contract known, and its OnViolation a responder. The caller holds mu.
func (m *Monitor) enlist(made *contract) {
	m.contracts[made.Name] = made
	if made.OnViolation != nil {
		w := m.newWorker(Response{Responder: onViolation(made.OnViolation)}, made.Contract)
		m.workers = append(m.workers, w)
		if m.alive() {
			w.start(m.ctx)
		}
	}
	if m.running {
		m.warn(made)
	}
}

// warn logs what is doubtful about a contract. Until the monitor starts it waits: its logger may not be the final one. The
// caller holds mu.
func (m *Monitor) warn(c *contract) {
	for _, k := range c.checks {
		for _, w := range k.warnings {
			m.log.Warn("stability: a doubtful check", "contract", c.Name, "check", k.Name, "expr", k.Expr, "warning", w)
		}
	}
}
