package stability

import (
	"context"
	"runtime/debug"
	"slices"
	"time"

	"github.com/falsifiable/stability/signals"
)

func (m *Monitor) loop(ctx context.Context) {
	defer close(m.ended)
	defer m.survive()
	interval := m.engine.store.Resolution()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	var round round
	defer m.dismissSamplers()
	for {
		m.locked(func() { round.samplers = append(round.samplers[:0], m.samplers...) })
		now := m.age()
		round.samples = sample(round.samples[:0], round.samplers, now, timer, interval/2)
		m.standIn(round.samples)
		m.judge(now, &round)
		m.lastTick.Store(int64(now))
		m.tickCost.Store(int64(m.age() - now))
		m.ticks.Add(1)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// round is the memory that ticks reuse.
type round struct {
	samplers []*sampler
	samples  []signals.Sample
	checks   []*check
}

// survive ends a goroutine of the monitor's own that panics, and not the service: the watch is over then, and says so by
// being stale. It is to be deferred.
func (m *Monitor) survive() {
	if reason := recover(); reason != nil {
		m.log.Error("stability: the monitor has died of a mistake of its own; the service goes on unwatched",
			"reason", reason, "stack", string(debug.Stack()))
	}
}

func (m *Monitor) dismissSamplers() {
	m.locked(func() {
		for _, s := range m.samplers {
			close(s.wake)
			if s.state == idle { // else its goroutine does, when the source has returned
				s.release()
			}
		}
	})
}

// samplesAtOnce is how many samples are stored while the lock is held: some 0.2 ms of work.
const samplesAtOnce = 4096

// judge runs one step of the engine and hands on what it found. The lock is given up after each part of it.
func (m *Monitor) judge(now time.Duration, r *round) {
	for part := range slices.Chunk(r.samples, samplesAtOnce) {
		m.locked(func() {
			m.engine.push(part)
			m.actions.look(m.engine.store, part, m.started)
		})
	}
	m.locked(func() { r.checks = m.engine.due(now, r.checks[:0]) })
	for _, k := range r.checks {
		m.judgeCheck(k, now)
	}
	m.locked(func() {
		m.engine.forget()
		m.actions.forget(m.engine.store, now, m.started)
	})
}

// judgeCheck evaluates a check without mu, for the readings change on this goroutine only, and takes it to note what came out.
func (m *Monitor) judgeCheck(k *check, now time.Duration) {
	m.judging.Lock()
	defer m.judging.Unlock()
	outcomes := m.engine.look(k)
	m.locked(func() {
		for _, e := range m.engine.conclude(k, outcomes) {
			m.handle(e, now)
		}
	})
}

// locked calls f under the lock, which is free again even if f panics: whoever asks a dead monitor must get an answer.
func (m *Monitor) locked(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}

// handle notes what a check's evaluation found. The caller holds mu, so it copies little and waits for nothing.
func (m *Monitor) handle(e event, now time.Duration) {
	i := incident{check: e.check}
	if e.from != e.to {
		i.transition = m.record(e, now)
		if e.from == Violated {
			i.recovered = true
			m.incidents.Put(i)
		}
	}
	if e.to == Violated && (e.strike <= lastStrike || m.repeat > 0 && m.engine.lasted(e.instance.told, m.repeat)) {
		e.instance.told = now
		i.violation = m.violation(e, now)
		m.incidents.Put(i)
	}
}

// keepTransitions bounds the memory of past transitions.
const keepTransitions = 1024

func (m *Monitor) record(e event, now time.Duration) Transition {
	t := e.transition(now, m.started.Add(now))
	t.Seq = m.seq.Add(1)
	if len(m.transitions) == keepTransitions {
		m.transitions = slices.Delete(m.transitions, 0, 1)
	}
	m.transitions = append(m.transitions, t)
	return t
}

func (e *event) transition(now time.Duration, at time.Time) Transition {
	return Transition{
		Contract: e.check.contract.Name, Check: e.check.Name, Labels: e.instance.labels, From: e.from, To: e.to,
		Age: now, At: at, Value: number(e.value), Threshold: number(e.threshold), Reason: e.reason.String(),
	}
}

func (m *Monitor) violation(e event, now time.Duration) Violation {
	k := e.check
	if e.strike == 1 {
		m.violations.Add(1)
		k.violations++
	}
	return Violation{
		Name: k.Name, Contract: k.contract.Name, Expr: k.Expr, Labels: e.instance.labels,
		Mode: k.contract.Mode, Severity: k.Severity, Cause: k.Cause,
		Value: number(e.value), Threshold: number(e.threshold),
		Strike: e.strike, At: m.started.Add(now), Since: m.started.Add(e.since), Proven: k.proven(), Tier: k.proof.Tier, ProvenAt: k.proof.At,
	}
}
