package falsify

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/falsifiable/stability/lab/falsify/plan"
	"github.com/falsifiable/stability/lab/falsify/report"
)

// mostPilots is how often a plan is mended before a check is given up.
const mostPilots = 5

// pilots tries each trial that follows from an expression once, before anything is counted: does the fault take effect, do
// the signals go where they should? A plan that falls short is mended, or another one made.
func (f *falsification) pilots(ctx context.Context) error {
	done := make(map[*trial]bool)
	for round := range mostPilots {
		var light, alone []job
		for _, t := range f.trials {
			switch {
			case t.origin != fromExpression || done[t]:
			case t.alone:
				alone = append(alone, job{report.PilotRun, t, round})
			default:
				light = append(light, job{report.PilotRun, t, round})
			}
		}
		if len(light)+len(alone) == 0 {
			break
		}
		f.total += len(light) + len(alone)
		for _, block := range [][]job{light, alone} {
			if err := f.runBlock(ctx, block); err != nil {
				return err
			}
		}
		for _, j := range slices.Concat(light, alone) {
			done[j.trial] = true
			f.learn(j.trial, round == mostPilots-1)
		}
	}
	f.trials = slices.DeleteFunc(f.resolver.trials, func(t *trial) bool { return len(t.deadlines) == 0 })
	f.listFaults()
	return nil
}

// learn looks at a trial's pilot run and plans those of its checks anew that did not go as expected.
func (f *falsification) learn(t *trial, last bool) {
	i := slices.IndexFunc(f.report.Runs, func(r *report.Run) bool { return r.Kind == report.PilotRun && r.Fault == t.id })
	if i < 0 {
		return
	}
	run := f.report.Runs[i]
	for _, id := range slices.Sorted(maps.Keys(t.deadlines)) {
		steps := f.fates[run.ID][id]
		switch outcome := run.Outcomes[id]; {
		case outcome == report.Late:
			t.deadlines[id] *= 2
		case outcome == report.NotInjected:
			f.replan(t, id, fmt.Sprintf("%s finds nothing to act on in this service (%s)", name(t.parts), run.Note), nil, last)
		case outcome == report.Missed && plan.Missing(steps) != "":
			f.replan(t, id, fmt.Sprintf("under %s %s", t.describe(), plan.Missing(steps)), steps, last)
		}
	}
	f.trials = slices.DeleteFunc(slices.Clone(f.resolver.trials), func(t *trial) bool { return len(t.deadlines) == 0 })
	f.listFaults()
}

// describe names the faults with their parameters.
func (t *trial) describe() string {
	var words []string
	for _, p := range t.parts {
		words = append(words, p.fault.Name+settings(p.params))
	}
	return strings.Join(words, " and ")
}

// settings writes parameters in brackets, "" for none.
func settings(params map[string]string) string {
	var words []string
	for _, key := range slices.Sorted(maps.Keys(params)) {
		words = append(words, key+"="+params[key])
	}
	if len(words) == 0 {
		return ""
	}
	return "(" + strings.Join(words, ", ") + ")"
}

// replan takes a check out of a trial that cannot decide it, and finds another trial for it: with a stronger fault, or
// with other faults.
func (f *falsification) replan(t *trial, id, why string, steps []plan.Step, last bool) {
	c, r := f.subjectChecks[id], f.resolver
	was := t.deadlines[id]
	delete(t.deadlines, id)
	listed := f.report.Check(id)
	listed.Fault, listed.Trial = "", nil
	if last {
		listed.Untested = why
		return
	}
	if steps != nil {
		if more, ok := plan.Stronger(c.planned(), r.world, orders(t.parts), steps); ok {
			var parts []part
			for _, o := range more {
				parts = append(parts, part{o.Fault, place{o.Place}, o.Settings})
			}
			found := plan.Trial{Orders: more, Fires: time.Duration(float64(was) * r.world.Scale / 2), Steps: t.plans[id].Steps}
			r.join(c, r.proofOf(c), parts, was, fromExpression, &found)
			return
		}
	}
	r.exclude(id, t.parts)
	if err := r.plan(c, r.proofOf(c)); err != nil {
		listed.Untested = why
		if reason := err.Error(); !strings.HasPrefix(reason, "no fault") {
			listed.Untested += "; " + reason
		}
		return
	}
	for _, t := range r.trials { // the plan's own reason stands, if it has one
		if p, ok := t.plans[id]; ok && len(p.Spoken) > 0 && p.Why == "" {
			p.Why = why
			t.plans[id] = p
		}
	}
}
