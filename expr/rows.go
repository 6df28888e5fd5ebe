package expr

import (
	"math"
	"time"

	"github.com/falsifiable/stability/signals"
)

// row is one instance that the program is judged for: the series of its operands, joined on equal labels.
type row struct {
	labels   signals.Labels
	series   []*signals.Series // by operand; nil while the store has none
	computed []*signals.Series // by sub-query
	due      []time.Duration   // by sub-query: its next point
	base     []float64         // by baseline; NaN until learnt
	learners []*learner        // by baseline; nil once learnt
	learning int               // baselines still to be learnt
	alive    bool
}

// pick remembers what the matchers said about an instance, and which row it belongs to.
type pick struct {
	meant bool
	key   signals.Labels
}

// rebind joins the instances that the store has now. Rows of instances that stay keep what they learnt; those
// of instances that are gone are dropped.
func (e *Evaluator) rebind() {
	for _, r := range e.rows {
		clear(r.series)
		r.alive = false
	}
	joined := false
	for i, o := range e.program.operands {
		if len(o.free) == 0 {
			continue
		}
		joined = true
		for _, s := range e.store.Instances(o.id) {
			if p := e.pick(i, s.Labels()); p.meant {
				r := e.row(p.key)
				r.series[i], r.alive = s, true
			}
		}
	}
	if !joined {
		e.row(signals.Labels{}).alive = true
	}
	e.dropGone()
	for i, o := range e.program.operands {
		if len(o.free) > 0 {
			continue
		}
		s := e.single(i)
		for _, r := range e.rows {
			r.series[i] = s
		}
	}
	e.outcomes = append(e.outcomes[:0], make([]Outcome, len(e.rows))...)
	e.shape = e.store.Shape()
}

// single returns the series of an operand that has one instance: without labels, or all pinned by matchers.
func (e *Evaluator) single(operand int) *signals.Series {
	o := e.program.operands[operand]
	if len(o.desc.Labels) == 0 {
		return e.store.Series(o.id, signals.Labels{})
	}
	for _, s := range e.store.Instances(o.id) {
		if e.pick(operand, s.Labels()).meant {
			return s
		}
	}
	return nil
}

func (e *Evaluator) row(key signals.Labels) *row {
	if r, ok := e.byKey[key]; ok {
		return r
	}
	p := e.program
	r := &row{
		labels: e.labels(key), series: make([]*signals.Series, len(p.operands)),
		computed: make([]*signals.Series, len(p.subqueries)), due: make([]time.Duration, len(p.subqueries)),
		base: make([]float64, len(p.baselines)), learners: make([]*learner, len(p.baselines)),
	}
	for i, s := range p.subqueries {
		r.computed[i] = signals.NewSeries(r.labels, signals.Gauge, s.capacity(e.store.Resolution()))
	}
	for i := range p.baselines {
		r.base[i] = math.NaN()
		r.learners[i] = new(learner)
		r.learning++
	}
	e.restore(r)
	e.byKey[key] = r
	e.rows = append(e.rows, r)
	return r
}

// labels returns what an outcome shows: the labels on which the row is joined, and those pinned by the
// matchers of the operand that gave it.
func (e *Evaluator) labels(key signals.Labels) signals.Labels {
	var pairs []string
	for _, p := range key.Pairs() {
		pairs = append(pairs, p[0], p[1])
	}
	for _, o := range e.program.operands {
		if len(o.desc.Labels) == 0 || len(o.free) == 0 && !key.IsZero() {
			continue
		}
		for _, m := range o.matchers {
			if m.op == assign {
				pairs = append(pairs, m.key, m.value)
			}
		}
		break
	}
	return signals.NewLabels(pairs...)
}

// pick asks the matchers about an instance, once.
func (e *Evaluator) pick(operand int, labels signals.Labels) pick {
	known := e.picks[operand]
	if p, ok := known[labels]; ok {
		return p
	}
	if known == nil || len(known) > 2*len(e.store.Instances(e.program.operands[operand].id))+16 {
		known = make(map[signals.Labels]pick) // forget those of instances long gone
		e.picks[operand] = known
	}
	o := e.program.operands[operand]
	value := make(map[string]string)
	for _, p := range labels.Pairs() {
		value[p[0]] = p[1]
	}
	p := pick{meant: true}
	for i := range o.matchers {
		p.meant = p.meant && o.matchers[i].picks(value[o.matchers[i].key])
	}
	var pairs []string
	for _, key := range o.free {
		pairs = append(pairs, key, value[key])
	}
	p.key = signals.NewLabels(pairs...)
	known[labels] = p
	return p
}

func (e *Evaluator) dropGone() {
	kept := e.rows[:0]
	for _, r := range e.rows {
		if r.alive {
			kept = append(kept, r)
		}
	}
	clear(e.rows[len(kept):])
	e.rows = kept
	for key, r := range e.byKey {
		if !r.alive {
			delete(e.byKey, key)
		}
	}
}
