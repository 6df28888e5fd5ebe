package stability

import (
	"math"
	"slices"
	"sort"
	"time"

	"github.com/falsifiable/stability/internal/timescale"
	"github.com/falsifiable/stability/signals"
)

// staleTicks is how many sampling intervals may pass without a tick before the monitor counts as stale.
const staleTicks = 10

// Status returns what the monitor knows now, as a copy.
func (m *Monitor) Status() Status {
	m.mu.Lock()
	s := Status{Service: m.cfg.Service, TimeScale: m.scale, SampleInterval: m.cfg.SampleInterval, Self: m.selfStatusLocked(), Contracts: []ContractStatus{}}
	if m.running {
		s.Started, s.Age = m.started, m.age()
		s.LastTick = s.Age - time.Duration(m.lastTick.Load())
	}
	// A monitor that was never started, was stopped or hangs cannot vouch for anything.
	limit := max(staleTicks*timescale.Scale(m.cfg.SampleInterval, m.scale), 4*patience)
	s.Stale = !m.alive() || s.LastTick > limit
	contracts := slices.Clone(m.engine.contracts)
	m.mu.Unlock()
	for _, c := range contracts {
		cs := m.contractStatus(c)
		s.WarmingUp = s.WarmingUp || slices.ContainsFunc(cs.Checks, func(k CheckStatus) bool { return k.Reason == warmingUp })
		s.Contracts = append(s.Contracts, cs)
	}
	return s
}

// Contract returns the status of one contract, and whether there is one of that name.
func (m *Monitor) Contract(name string) (ContractStatus, bool) {
	m.mu.Lock()
	c, ok := m.contracts[name]
	m.mu.Unlock()
	if !ok {
		return ContractStatus{}, false
	}
	return m.contractStatus(c), true
}

// contractStatus takes the lock for one check after the other: a contract may have many, and each many instances.
func (m *Monitor) contractStatus(c *contract) ContractStatus {
	return contractStatus(c, m.locked)
}

// violated reports whether what a violation tells of is so now.
func (m *Monitor) violated(v Violation) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.contracts[v.Contract]
	if !ok {
		return false
	}
	for _, k := range c.checks {
		for _, in := range k.instances.list {
			if k.Name == v.Name && in.labels == v.Labels {
				return in.state == Violated
			}
		}
	}
	return false
}

// contractStatus reads a contract's state by calls of locked.
func contractStatus(c *contract, locked func(read func())) ContractStatus {
	status := ContractStatus{Name: c.Name, Mode: c.Mode, Interval: c.Contract.interval(), State: Holding}
	var checks []*check
	locked(func() {
		if n := len(c.evaluated); n > 0 {
			status.Judged = c.evaluated[n-1]
		}
		checks = slices.Clone(c.checks)
	})
	for _, k := range checks {
		var ks CheckStatus
		locked(func() { ks = checkStatus(k) })
		if ks.State.rank() > status.State.rank() {
			status.State = ks.State
		}
		status.Checks = append(status.Checks, ks)
	}
	return status
}

// warmingUp is the reason of a check that only learns its baselines.
const warmingUp = "warming up"

func checkStatus(k *check) CheckStatus {
	status := CheckStatus{
		Name: k.Name, Expr: k.Expr, Cause: k.Cause, For: k.For, Hash: k.hash, Proven: k.proven(), Tier: k.proof.Tier, ProvenAt: k.proof.At,
		State: k.state(), Signals: slices.Clone(k.signals), Warnings: slices.Clone(k.warnings),
		Violations: k.violations, Unit: k.unit, PerSecond: k.perSecond,
	}
	switch {
	case !k.warm:
		status.Reason = warmingUp
	case len(k.instances.list) == 0:
		status.Reason = "no instance of its signals has been read"
	}
	for _, in := range k.instances.list {
		is := InstanceStatus{
			Labels: in.labels, State: in.state, Since: in.entered, Strike: in.strike,
			Value: finite(in.value), Threshold: finite(in.threshold),
		}
		if in.state == Unknown {
			is.Reason = in.reason.String()
			if status.Reason == "" && status.State == Unknown {
				status.Reason = is.Reason
			}
		}
		status.Instances = append(status.Instances, is)
	}
	return status
}

// finite returns nil for what JSON cannot say.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// Signals returns the last reading of every signal instance, in the order in which the signals were declared.
func (m *Monitor) Signals() []SignalValue {
	var values []SignalValue
	for id := range m.schema.Len() {
		values = m.appendSignal(values, signals.ID(id))
	}
	return values
}

func (m *Monitor) appendSignal(values []SignalValue, id signals.ID) []SignalValue {
	desc := m.schema.Desc(id)
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.engine.now
	if m.running {
		now = m.age()
	}
	for _, series := range m.engine.store.Instances(id) {
		if at, v, ok := series.Last(); ok {
			values = append(values, SignalValue{Name: desc.Name, Instance: series.Labels(), Value: v, Age: now - at, Desc: desc})
		}
	}
	return values
}

// Transitions returns the changes of state with a Seq above after, oldest first. The monitor keeps the last 1024.
func (m *Monitor) Transitions(after uint64) []Transition {
	m.mu.Lock()
	defer m.mu.Unlock()
	first := sort.Search(len(m.transitions), func(i int) bool { return m.transitions[i].Seq > after })
	return append([]Transition{}, m.transitions[first:]...) // never nil: JSON readers want a list
}

// Snapshot returns the status, the transitions after seq, and the latest readings but for infinite ones, which JSON
// cannot say.
func (m *Monitor) Snapshot(after uint64) Snapshot {
	signals := slices.DeleteFunc(m.Signals(), func(v SignalValue) bool { return finite(v.Value) == nil })
	return Snapshot{Status: m.Status(), Transitions: m.Transitions(after), Signals: signals}
}

// number replaces what JSON cannot say: infinity by the greatest number, what is no number by 0.
func number(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return max(-math.MaxFloat64, min(v, math.MaxFloat64))
}
