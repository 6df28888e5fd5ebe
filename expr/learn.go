package expr

import (
	"time"

	"github.com/falsifiable/stability/signals"
)

const (
	// learnLeast is how many values a baseline is the median of, at least.
	learnLeast = 3
	// learnMost bounds the memory of learning. When it is full every second value is let go, and from then on
	// every second of those to come, so that the values stay spread over the whole warm-up.
	learnMost = 256
)

// Baseline is what baseline(x) learnt for one instance.
type Baseline struct {
	Expr   string         `json:"expr"` // x in its canonical form
	Labels signals.Labels `json:"labels,omitzero"`
	Value  float64        `json:"value"`
}

type restoredKey struct {
	expr   string
	labels signals.Labels
}

// learner collects the values of one baseline of one instance.
type learner struct {
	values []float64
	every  int // of the values offered, one in so many is kept
	skip   int // so many are skipped before the next is kept
}

func (l *learner) add(v float64) {
	if l.skip > 0 {
		l.skip--
		return
	}
	if l.values == nil {
		l.values, l.every = make([]float64, 0, learnMost), 1
	}
	if len(l.values) == learnMost {
		for i := range learnMost / 2 {
			l.values[i] = l.values[2*i]
		}
		l.values = l.values[:learnMost/2]
		l.every *= 2
	}
	l.values = append(l.values, v)
	l.skip = l.every - 1
}

// Learn shows the program's baselines what is usual. It is called at each sampling tick while the monitor warms up;
// after Freeze it does nothing.
func (e *Evaluator) Learn(now time.Duration) {
	if e.frozen || len(e.program.baselines) == 0 {
		return
	}
	e.prepare(now)
	for _, r := range e.rows {
		e.learn(r, now)
	}
}

// Freeze ends the learning: each baseline becomes the median of what was learnt. One that has learnt fewer than three
// values, as that of an instance which appears later, learns on from its own first evaluations.
func (e *Evaluator) Freeze() {
	e.frozen = true
	for _, r := range e.rows {
		e.settle(r)
	}
}

func (e *Evaluator) learn(r *row, now time.Duration) {
	for i, l := range r.learners {
		if l == nil {
			continue
		}
		e.pending.Cause = NotUnknown
		if v := e.run(e.program.baselines[i].code, r, now); finite(v) { // nothing is twice as much as infinity
			l.add(v)
		}
	}
}

func (e *Evaluator) learnLate(r *row, now time.Duration) {
	e.learn(r, now)
	e.settle(r)
}

// settle fixes the baselines that have learnt enough.
func (e *Evaluator) settle(r *row) {
	for i, l := range r.learners {
		if l != nil && len(l.values) >= learnLeast {
			e.know(r, i, quantile(l.values, 0.5))
		}
	}
}

func (e *Evaluator) know(r *row, i int, v float64) {
	r.base[i], r.learners[i] = v, nil
	r.learning--
}

// baseline returns what was learnt.
func (e *Evaluator) baseline(r *row, i int) float64 {
	if r.learners[i] != nil {
		return e.unknown(Reason{Cause: Learning, about: &e.subjects.baselines[i]})
	}
	return r.base[i]
}

// Baselines returns what has been learnt, for evidence and replay.
func (e *Evaluator) Baselines() []Baseline {
	var all []Baseline
	for _, r := range e.rows {
		for i, b := range e.program.baselines {
			if r.learners[i] == nil {
				all = append(all, Baseline{Expr: b.text, Labels: r.labels, Value: r.base[i]})
			}
		}
	}
	return all
}

// SetBaselines restores what Baselines returned, as if it had been learnt and frozen. Instances that are not yet
// there get theirs when they appear.
func (e *Evaluator) SetBaselines(all []Baseline) {
	e.frozen = true
	e.restored = make(map[restoredKey]float64, len(all))
	for _, b := range all {
		e.restored[restoredKey{b.Expr, b.Labels}] = b.Value
	}
	for _, r := range e.rows {
		e.restore(r)
	}
}

func (e *Evaluator) restore(r *row) {
	for i, b := range e.program.baselines {
		v, ok := e.restored[restoredKey{b.text, r.labels}]
		switch {
		case !ok:
		case r.learners[i] == nil:
			r.base[i] = v
		default:
			e.know(r, i, v)
		}
	}
}
