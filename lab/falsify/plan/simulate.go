package plan

import (
	"fmt"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/expr"
	"github.com/falsifiable/stability/internal/timescale"
	"github.com/falsifiable/stability/signals"
)

// laboratory asks the engine what a check does.
type laboratory struct {
	check  Check
	world  World
	schema *signals.Schema
	logic  expr.Logic
	model  *model
	lead   time.Duration // by the clock, until the check can be judged and its windows are full
	step   time.Duration
}

// mostSteps is how long a simulation may become: one that would be longer takes coarser steps.
const mostSteps = 5000

func newLaboratory(c Check, w World) (*laboratory, error) {
	if w.Sample <= 0 {
		w.Sample = time.Second
	}
	if c.Interval <= 0 {
		c.Interval = stability.DefaultInterval
	}
	schema := signals.NewSchema()
	for _, d := range w.Schema {
		if _, err := schema.Add(d); err != nil {
			return nil, fmt.Errorf("plan: %w", err)
		}
	}
	program, err := expr.Compile(schema, c.Expr, expr.Options{Scale: w.Scale, Lenient: true})
	if err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	l := &laboratory{check: c, world: w, schema: schema, logic: program.Logic(), step: timescale.Scale(w.Sample, w.Scale)}
	for _, window := range program.Windows() {
		l.lead = max(l.lead, window.Window)
	}
	l.lead += timescale.Scale(warmup+2*c.Interval, w.Scale) + 4*l.step
	if n := (l.lead + w.Limit) / l.step; n > mostSteps {
		l.step = (l.lead + w.Limit) / mostSteps
	}
	l.model = newModel(w, schema, program.Signals())
	return l, nil
}

// warmup is a monitor's own, unless it was configured otherwise: what baselines are learnt from does not change with it.
const warmup = time.Minute

// fires returns how long after the injection the check fires, and whether it does within the limit.
func (l *laboratory) fires(orders []order, limit time.Duration) (after time.Duration, ok bool) {
	// Simulate multiplies the sampling interval by the scale; l.step has been multiplied already.
	sample := time.Duration(float64(l.step) / l.world.Scale)
	simulation, err := stability.Simulate(stability.SimulationConfig{Schema: l.schema, SampleInterval: sample, Warmup: warmup, Scale: l.world.Scale},
		&stability.Contract{Name: "plan", Lenient: true, Interval: l.check.Interval, Checks: []stability.Check{{Name: "check", Expr: l.check.Expr, For: l.check.For}}})
	if err != nil {
		return 0, false
	}
	m := l.model.with(orders)
	var samples []signals.Sample
	for at := time.Duration(0); at <= l.lead+limit; at += l.step {
		injected := at - l.lead
		samples = m.sample(samples[:0], at, injected, orders)
		for _, t := range simulation.Step(at, samples) {
			if t.To == stability.Violated {
				return max(injected, 0), true
			}
		}
	}
	return 0, false
}
