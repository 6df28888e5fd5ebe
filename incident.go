package stability

import (
	"context"
	"errors"
	"log/slog"
	"math"

	"github.com/falsifiable/stability/evidence"
)

// incident is what the sampling goroutine hands over because it may not wait: a strike, or a recovery.
type incident struct {
	violation Violation
	contract  *Contract
	recording *Recording // at the first strike, if evidence is wanted
	recovery  *Transition
}

// incidentsKept is how many incidents may wait for evidence and responders: all checks of a service may fail at once.
const incidentsKept = 256

// watchIncidents saves evidence first and tells the responders then, so that every notification can carry the link.
func (m *Monitor) watchIncidents(ctx context.Context) {
	links := make(map[string]string) // bundles of what is violated now, by key
	for {
		i, ok := m.incidents.take(ctx)
		if !ok {
			return
		}
		if t := i.recovery; t != nil {
			delete(links, evidenceKey(t.Contract, t.Check, t.Labels.String()))
			m.log(slog.LevelInfo, "stability: no longer violated", "contract", t.Contract, "check", t.Check,
				"labels", t.Labels, "state", t.To, "value", t.Value, "threshold", t.Threshold)
			continue
		}
		v := i.violation
		key := evidenceKey(v.Contract, v.Name, v.Labels.String())
		// After Stop there is no time for evidence, and an empty bundle would only keep the next process from its own.
		if i.recording != nil && ctx.Err() == nil {
			if path := m.capture(ctx, key, i); path != "" {
				links[key] = path
			}
		}
		v.Evidence = links[key]
		m.tell(v, i.contract)
	}
}

func evidenceKey(contract, check, labels string) string { return contract + "/" + check + labels }

// capture saves the evidence of a violation and returns its path, "" when there is none. The capturer bounds its time.
func (m *Monitor) capture(ctx context.Context, key string, i incident) (path string) {
	defer func() {
		if reason := recover(); reason != nil { // of the capturer's logger, for instance
			m.uncaught.Add(1)
			m.log(slog.LevelWarn, "stability: no evidence", "reason", reason)
		}
	}()
	bundle, err := m.cfg.Evidence.Capture(ctx, evidence.Request{
		Key: key, Level: level(i.violation), Violation: i.violation,
		Documents: map[string]any{RecordingDocument: i.recording},
	})
	if err == nil {
		return bundle.Path
	}
	if refusal, ok := errors.AsType[*evidence.Refusal](err); ok { // the budget at its work
		m.log(slog.LevelDebug, "stability: no evidence of its own", "reason", err)
		return refusal.Bundle // of the same incident, if it is recent
	}
	m.uncaught.Add(1)
	m.log(slog.LevelWarn, "stability: no evidence", "reason", err)
	return ""
}

// level says how bad a violation is: how far its value is beyond the threshold, as a factor. 0 stands for unknown.
func level(v Violation) float64 {
	ratio := math.Abs(v.Value / v.Threshold)
	if ratio > 0 && ratio < 1 {
		ratio = 1 / ratio // a "less than" check is worse the smaller the value is
	}
	if math.IsNaN(ratio) || math.IsInf(ratio, 0) {
		return 0
	}
	return ratio
}

func (m *Monitor) tell(v Violation, c *Contract) {
	m.mu.Lock()
	desks := m.desks
	m.mu.Unlock()
	for _, d := range desks {
		if d.wants(v, c) {
			d.box.put(v)
		}
	}
}
