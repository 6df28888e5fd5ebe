package stability

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/falsifiable/stability/evidence"
)

// incident is what the sampling goroutine hands over because it may not wait: a strike, or a recovery.
type incident struct {
	check      *check
	violation  Violation
	transition Transition // at the first strike, and at a recovery
	recovered  bool
}

// incidentsKept is how many incidents may wait for evidence and responders: all instances of many checks may fail in one
// tick, each with three strikes. One takes half a kilobyte.
const incidentsKept = 4096

// watchIncidents saves evidence first and tells the responders then, so that every notification can carry the link.
func (m *Monitor) watchIncidents(ctx context.Context) {
	defer m.survive()
	links := newLinks()
	for {
		i, ok := m.incidents.Take(ctx)
		if !ok {
			return
		}
		if t := i.transition; i.recovered {
			links.drop(evidenceKey(t.Contract, t.Check, t.Labels.String()))
			m.log.Info("stability: no longer violated", "contract", t.Contract, "check", t.Check,
				"labels", t.Labels, "state", t.To, "value", t.Value, "threshold", t.Threshold)
			m.tellRecovery(t, m.contractOf(i.check))
			continue
		}
		v := i.violation
		key := evidenceKey(v.Contract, v.Name, v.Labels.String())
		// After Stop there is no time for evidence, and an empty bundle would only keep the next process from its own.
		if v.Strike == 1 && m.cfg.Evidence != nil && ctx.Err() == nil {
			links.wait(key, func() string { return m.capture(ctx, key, i) })
		}
		v.Evidence = links.get(key)
		m.tell(v, m.contractOf(i.check))
	}
}

// contractOf returns the contract that a check belongs to now: Replace may have given it another since the incident.
func (m *Monitor) contractOf(k *check) *Contract {
	m.mu.Lock()
	defer m.mu.Unlock()
	return k.contract.Contract
}

// evidencePatience is how long responders wait for the evidence of a violation, so that they can link to it. A disk that
// hangs must not silence them; later strikes have the link, if there is one by then.
const evidencePatience = 5 * time.Second

// links are the bundles of what is violated now, by key. Safe for concurrent use.
type links struct {
	mu     sync.Mutex
	bundle map[string]string
}

func newLinks() *links { return &links{bundle: make(map[string]string)} }

// wait calls capture on a goroutine of its own and keeps the link that it returns, unless the key is dropped before. It
// returns when that is done, or when patience is at its end.
func (l *links) wait(key string, capture func() (path string)) {
	l.set(key, "", true)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if path := capture(); path != "" {
			l.set(key, path, false)
		}
	}()
	patience := time.NewTimer(evidencePatience)
	defer patience.Stop()
	select {
	case <-done:
	case <-patience.C:
	}
}

// set keeps a link; of a key that is not there only if it is new.
func (l *links) set(key, path string, isNew bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, wanted := l.bundle[key]; wanted || isNew {
		l.bundle[key] = path
	}
}

func (l *links) get(key string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bundle[key]
}

func (l *links) drop(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.bundle, key)
}

func evidenceKey(contract, check, labels string) string { return contract + "/" + check + labels }

// capture saves the evidence of a violation and returns its path, "" when there is none. The capturer bounds its time, and
// asks for the recording only once its budget has admitted the bundle.
func (m *Monitor) capture(ctx context.Context, key string, i incident) (path string) {
	bundle, err := m.cfg.Evidence.Capture(ctx, evidence.Request{
		Key: key, Level: level(i.violation), Violation: i.violation,
		Documents: map[string]evidence.Document{
			RecordingDocument:    func(bytes int64) any { return m.recordIncident(i, bytes) },
			SurroundingsDocument: func(bytes int64) any { return m.recordSurroundings(i, bytes) },
		},
	})
	if err == nil {
		return bundle.Path
	}
	if refusal, ok := errors.AsType[*evidence.Refusal](err); ok { // the budget at its work
		m.log.Debug("stability: no evidence of its own", "reason", err)
		return refusal.Bundle // of the same incident, if it is recent
	}
	m.uncaught.Add(1)
	m.log.Warn("stability: no evidence", "reason", err)
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
	workers := m.workers
	m.mu.Unlock()
	for _, w := range workers {
		if w.wants(v, c) {
			w.box.Put(news{violation: v})
		}
	}
}

// tellRecovery tells those that may have been told of the violation; each knows whether it was.
func (m *Monitor) tellRecovery(t Transition, c *Contract) {
	m.mu.Lock()
	workers := m.workers
	m.mu.Unlock()
	for _, w := range workers {
		if _, hears := w.Responder.(RecoveryResponder); hears && (w.only == nil || w.only == c) {
			w.box.Put(news{recovery: &t})
		}
	}
}
