package plan

import (
	"maps"
	"slices"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/signals"
)

// Stronger returns the orders with twice as much of what moves the comparisons that never held, after a run has shown that
// the declared effects fall short. It reports false when there is no more to be had.
func Stronger(c Check, w World, given []Order, steps []Step) ([]Order, bool) {
	l, err := newLaboratory(c, w)
	if err != nil {
		return given, false
	}
	var wanted []signals.ID
	for i, comparison := range l.logic.Comparisons() {
		if i < len(steps) && !steps[i].Held {
			wanted = append(wanted, comparison.Signals...)
		}
	}
	changed := false
	made := slices.Clone(given)
	for i, o := range made {
		moves := slices.ContainsFunc(o.Fault.Effects, func(e fault.Effect) bool {
			id, _, ok := l.schema.Lookup(e.Signal)
			return ok && slices.Contains(wanted, id)
		})
		if !moves {
			continue
		}
		settings := maps.Clone(o.Settings)
		if settings == nil {
			settings = make(fault.Settings)
		}
		names := knobs(o.Fault, l)
		for _, p := range o.Fault.Params {
			if slices.Contains(names, p.Name) {
				changed = turn(p, settings, 2) || changed
			}
		}
		made[i].Settings = settings
	}
	if !changed {
		return given, false
	}
	args := make([]order, 0, len(made))
	for _, o := range made {
		parsed, err := o.Fault.Args(o.Settings, 0)
		if err != nil {
			return given, false
		}
		args = append(args, order{o.Fault, parsed, 1})
	}
	if w.Memory > 0 && memory(args) > w.Memory {
		return given, false
	}
	return made, true
}
