package stability

import (
	"time"

	"github.com/falsifiable/stability/signals"
)

// self makes the monitor a source of signals about itself, so that a contract can watch the watcher.
type self struct{ m *Monitor }

var watching = struct {
	TickCost, Violations, SourceFailures, ResponderFailures, RespondersHung, ResponsesDropped, EvidenceFailures, Folded *signals.Signal
}{
	TickCost:          ofMonitor("stability.tick.cost", signals.Seconds, signals.Gauge, "Time the last tick of the monitor took."),
	Violations:        ofMonitor("stability.violation.count", signals.Count, signals.Counter, "Checks that became violated."),
	SourceFailures:    ofMonitor("stability.source.failures", signals.Count, signals.Counter, "Readings lost because a source panicked or was late."),
	ResponderFailures: ofMonitor("stability.responder.failures", signals.Count, signals.Counter, "Calls of responders that failed, panicked or outlasted their deadline."),
	RespondersHung:    ofMonitor("stability.responder.hung", signals.Count, signals.Gauge, "Responders that are in a call past its deadline now."),
	ResponsesDropped:  ofMonitor("stability.responder.dropped", signals.Count, signals.Counter, "Violations that were not told to a responder, because it or the saving of evidence was too slow."),
	EvidenceFailures:  ofMonitor("stability.evidence.failures", signals.Count, signals.Counter, "Violations whose evidence could not be saved."),
	Folded:            ofMonitor("stability.readings.folded", signals.Count, signals.Counter, "Readings folded into \"other\" by the cardinality cap."),
}

func ofMonitor(name string, unit signals.Unit, kind signals.Kind, help string) *signals.Signal {
	return signals.Declare(signals.Desc{Name: name, Unit: unit, Kind: kind, Help: help, Source: "stability", Cost: 50 * time.Nanosecond})
}

func (self) Describe() []*signals.Signal { return signals.Group(watching) }

func (s self) Sample(dst *signals.Batch) {
	status := s.m.selfStatus()
	dst.Add(watching.TickCost, status.TickCost.Seconds())
	dst.Add(watching.Violations, float64(status.Violations))
	dst.Add(watching.SourceFailures, float64(status.SourceFailures))
	dst.Add(watching.ResponderFailures, float64(status.ResponderFailures))
	dst.Add(watching.RespondersHung, float64(status.RespondersHung))
	dst.Add(watching.ResponsesDropped, float64(status.ResponsesDropped))
	dst.Add(watching.EvidenceFailures, float64(status.EvidenceFailures))
	dst.Add(watching.Folded, float64(status.FoldedReadings))
}

func (m *Monitor) selfStatus() SelfStatus {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.selfStatusLocked()
}

func (m *Monitor) selfStatusLocked() SelfStatus {
	status := SelfStatus{
		Ticks:            m.ticks.Load(),
		TickCost:         time.Duration(m.tickCost.Load()),
		Violations:       m.violations.Load(),
		EvidenceFailures: m.uncaught.Load(),
		FoldedReadings:   m.engine.store.Folded(),
		ResponsesDropped: m.incidents.Dropped(),
	}
	for _, s := range m.samplers {
		status.SourceFailures += s.failures.Load()
	}
	for _, w := range m.workers {
		status.ResponderFailures += w.failures.Load()
		status.ResponsesDropped += w.box.Dropped()
		if m.running && w.hung(m.age()) {
			status.RespondersHung++
		}
	}
	return status
}
