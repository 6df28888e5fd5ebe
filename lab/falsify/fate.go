package falsify

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/falsifiable/stability/lab/falsify/plan"
	"github.com/falsifiable/stability/lab/falsify/report"
)

// fate tells what became of each comparison of a check in this run, from what its signals read.
func (a *attempt) fate(c subjectCheck) []plan.Step {
	w := a.subject.watch
	moments := make(map[time.Time][]plan.Reading)
	for key, course := range w.readings {
		if !slices.Contains(c.Signals, key.name) {
			continue
		}
		for _, r := range course {
			moments[r.at] = append(moments[r.at], plan.Reading{Name: key.name, Labels: key.labels, Value: r.value})
		}
	}
	if len(moments) == 0 {
		return nil
	}
	var run []plan.Recorded
	times := slices.SortedFunc(maps.Keys(moments), time.Time.Compare)
	for _, at := range times {
		readings := moments[at]
		slices.SortFunc(readings, func(x, y plan.Reading) int {
			return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.Labels.String(), y.Labels.String()))
		})
		run = append(run, plan.Recorded{At: at.Sub(w.begun), Injected: !at.Before(a.began), Readings: readings})
	}
	world := plan.World{Scale: a.subject.stage.scale, Sample: w.sample}
	for _, name := range slices.Sorted(maps.Keys(w.descs)) {
		world.Schema = append(world.Schema, w.descs[name])
	}
	steps, err := plan.Explain(c.planned(), world, run)
	if err != nil {
		return nil // the service has compiled it, with a schema that we do not have
	}
	return steps
}

// missed words why a check did not fire.
func missed(c subjectCheck, steps []plan.Step) string {
	if len(steps) == 0 {
		return ""
	}
	if missing := plan.Missing(steps); missing != "" {
		return missing
	}
	if c.For > 0 {
		return report.EachWasTrue + "for " + c.For.String()
	}
	return report.EachWasTrue + "when the check was judged"
}
