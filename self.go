package stability

import (
	"time"

	"github.com/falsifiable/stability/signal"
)

// self makes the monitor a source of signals about itself, so that a contract can watch the watcher.
type self struct{ m *Monitor }

func (self) Describe() []signal.Desc {
	d := func(name string, unit signal.Unit, kind signal.Kind, help string) signal.Desc {
		return signal.Desc{Name: name, Unit: unit, Kind: kind, Help: help, Source: "stability", Cost: 50 * time.Nanosecond}
	}
	return []signal.Desc{
		d("stability.tick.cost", signal.Seconds, signal.Gauge, "Time the last tick of the monitor took."),
		d("stability.violation.count", signal.Count, signal.Counter, "Checks that became violated."),
		d("stability.source.failures", signal.Count, signal.Counter, "Readings lost because a source panicked or was late."),
		d("stability.responder.failures", signal.Count, signal.Counter, "Calls of responders that failed, panicked or outlasted their deadline."),
		d("stability.responder.hung", signal.Count, signal.Gauge, "Responders that are in a call past its deadline now."),
		d("stability.responder.dropped", signal.Count, signal.Counter, "Violations that were not told to a responder, because it or the saving of evidence was too slow."),
		d("stability.evidence.failures", signal.Count, signal.Counter, "Violations whose evidence could not be saved."),
		d("stability.readings.folded", signal.Count, signal.Counter, "Readings folded into \"other\" by the cardinality cap."),
	}
}

func (s self) Sample(dst *signal.Batch) {
	status := s.m.selfStatus()
	dst.Add(0, status.TickCost.Seconds())
	dst.Add(1, float64(status.Violations))
	dst.Add(2, float64(status.SourceFailures))
	dst.Add(3, float64(status.ResponderFailures))
	dst.Add(4, float64(status.RespondersHung))
	dst.Add(5, float64(status.ResponsesDropped))
	dst.Add(6, float64(status.EvidenceFailures))
	dst.Add(7, float64(status.FoldedReadings))
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
		ResponsesDropped: m.incidents.dropped.Load(),
	}
	for _, s := range m.samplers {
		status.SourceFailures += s.failures.Load()
	}
	for _, d := range m.desks {
		status.ResponderFailures += d.failures.Load()
		status.ResponsesDropped += d.box.dropped.Load()
		if m.running && d.hung(m.age()) {
			status.RespondersHung++
		}
	}
	return status
}
