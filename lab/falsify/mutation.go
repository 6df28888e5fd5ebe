package falsify

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/lab/falsify/report"
	"github.com/falsifiable/stability/lab/mutate"
	"github.com/falsifiable/stability/signals"
)

// mostRecorded is how many readings of a signal a replay takes: a recording that is longer is thinned out.
const mostRecorded = 240

// mutate weakens a check that has just fired under its fault, and keeps which of these mutants this run, or a variation
// of it, tells from the check.
func (a *attempt) mutate(c subjectCheck) {
	w := a.subject.watch
	recording := a.recording(c)
	descs := slices.SortedFunc(maps.Values(w.descs), func(x, y signals.Desc) int { return cmp.Compare(x.Name, y.Name) })
	check := stability.Check{Name: c.Name, Expr: c.Expr, For: c.For}
	m := &report.Mutation{}
	verdicts, err := mutate.Judge(mutate.Config{Schema: signals.NewSchema(descs...), Interval: c.interval}, check, recording)
	if err != nil {
		m.Note = err.Error()
	}
	for _, v := range verdicts {
		m.Mutants++
		switch {
		case v.Recorded:
			m.Killed++
		case v.Killer != "":
			m.Varied = append(m.Varied, report.Mutant{How: v.How, Expr: v.Expr, Killer: v.Killer})
		default:
			m.Survived = append(m.Survived, report.Mutant{How: v.How, Expr: v.Expr})
		}
	}
	if a.run.Mutations == nil {
		a.run.Mutations = make(map[string]*report.Mutation)
	}
	a.run.Mutations[c.id()] = m
}

// recording is what the check's signals read in this run, at even distances and in the contract's own time.
func (a *attempt) recording(c subjectCheck) mutate.Recording {
	w := a.subject.watch
	end := w.begun
	for _, course := range w.readings {
		if len(course) > 0 && course[len(course)-1].at.After(end) {
			end = course[len(course)-1].at
		}
	}
	scale := a.subject.stage.scale
	contract := func(d time.Duration) time.Duration { return time.Duration(float64(d) / scale) }
	step := max(contract(end.Sub(w.begun))/mostRecorded, time.Second).Round(time.Second)
	n := int(contract(end.Sub(w.begun)) / step)
	r := mutate.Recording{Step: step, Injected: int(contract(a.began.Sub(w.begun)) / step)}
	keys := slices.SortedFunc(maps.Keys(w.readings), func(x, y signalKey) int { return cmp.Compare(x.String(), y.String()) })
	for _, key := range keys {
		course := w.readings[key]
		if !slices.Contains(c.Signals, key.name) || len(course) == 0 {
			continue
		}
		l := mutate.Line{Name: key.name, Labels: key.labels}
		for i := range n {
			at := w.begun.Add(time.Duration(float64(i+1) * float64(step) * scale))
			before := sort.Search(len(course), func(k int) bool { return course[k].at.After(at) })
			if before == 0 {
				l.Values = append(l.Values, math.NaN())
			} else {
				l.Values = append(l.Values, course[before-1].value)
			}
		}
		r.Lines = append(r.Lines, l)
	}
	return r
}
