package falsify

import (
	"fmt"
	"math"
	"slices"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/lab/falsify/report"
	"github.com/falsifiable/stability/lab/falsify/stats"
)

// alarms counts a check's false alarms in runs of one kind, and the runs in which it could be judged.
func (f *falsification) alarms(id string, kind report.Kind) (events, trials int) {
	for _, run := range f.report.Runs {
		if run.Kind != kind {
			continue
		}
		switch run.Outcomes[id] {
		case report.FalseAlarm:
			events++
			trials++
		case report.Silent:
			trials++
		}
	}
	return events, trials
}

// detections counts a check's detections under a fault, and the trials: runs in which the fault took effect.
func (f *falsification) detections(id, faultID string) (hits, trials int) {
	for _, run := range f.report.Runs {
		if run.Kind != report.FaultRun || run.Fault != faultID {
			continue
		}
		switch o := run.Outcomes[id]; {
		case o == report.Detected:
			hits++
			trials++
		case o != "" && !o.Excluded():
			trials++
		}
	}
	return hits, trials
}

// judge turns the outcomes of the runs into cells and verdicts.
func (f *falsification) judge() {
	r := f.report
	clean := 0.0
	for _, run := range r.Runs {
		if !run.Kind.Injects() && len(run.Outcomes) > 0 {
			clean += f.tier.observe.Seconds()
		}
	}
	r.Exposure = clean
	for _, fault := range r.Faults {
		for _, run := range r.Runs {
			if run.Kind == report.FaultRun && run.Fault == fault.ID {
				tally(&fault.Recovery, run.Recovery)
			}
		}
	}
	verdicts := make([]stability.Verdict, 0, len(r.Checks))
	for _, c := range r.Checks {
		c.Controls = f.count(c.ID(), report.ControlRun)
		c.Shams = f.count(c.ID(), report.ShamRun)
		alarms, trials := c.Controls.Events+c.Shams.Events, c.Controls.Trials+c.Shams.Trials
		if hours := float64(trials) * f.tier.observe.Hours(); hours > 0 {
			c.FalseAlarmsPerHour = stats.PoissonUpper(alarms, hours, confidence)
		}
		for _, run := range r.Runs {
			if !run.Kind.Injects() && run.Outcomes[c.ID()] == report.Unknown {
				c.Unjudged++
			}
		}
		for _, t := range f.trials {
			c.Cells = append(c.Cells, f.cell(c, t))
		}
		c.Verdict, c.Reason = f.verdict(c)
		verdicts = append(verdicts, c.Verdict)
	}
	r.Verdict = worst(verdicts)
}

func worst(verdicts []stability.Verdict) stability.Verdict {
	for _, v := range []stability.Verdict{stability.Refuted, stability.Inconclusive, stability.Untested} {
		if slices.Contains(verdicts, v) {
			return v
		}
	}
	return stability.Proven
}

func (f *falsification) count(id string, kind report.Kind) report.Count {
	events, trials := f.alarms(id, kind)
	return report.Count{
		Events: events, Trials: trials,
		Interval: report.Interval(stats.ClopperPearson(events, trials, confidence)), Upper: stats.UpperBound(events, trials, confidence),
	}
}

// cell gathers what happened to one check under one fault.
func (f *falsification) cell(c *report.Check, t *trial) *report.Cell {
	deadline, target := t.deadlines[c.ID()]
	cell := &report.Cell{
		Fault: t.id, Target: target, Declared: t.collateral[c.ID()] || t.collateral[c.Name],
		Outcomes: make(map[report.Outcome]int), Deadline: deadline.Seconds(),
	}
	var times []float64
	for _, run := range f.report.Runs {
		if o := run.Outcomes[c.ID()]; run.Kind == report.FaultRun && run.Fault == t.id && o != "" {
			cell.Outcomes[o]++
			if took, ok := run.Detected[c.ID()]; ok {
				times = append(times, took)
			}
		}
	}
	if !target {
		return cell
	}
	cell.Hits, cell.Trials = f.detections(c.ID(), t.id)
	cell.Interval = report.Interval(stats.ClopperPearson(cell.Hits, cell.Trials, confidence))
	cell.Decision = string(f.tier.test.Decide(cell.Hits, cell.Trials-cell.Hits))
	cell.Median = finite(stats.Quantile(times, cell.Trials-len(times), 0.5))
	cell.P95 = finite(stats.Quantile(times, cell.Trials-len(times), 0.95))
	return cell
}

func finite(v float64) *float64 {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return nil
	}
	return &v
}

// More noisy runs than this share, and this number, make a machine one on which nothing is refuted: what the meter saw before a
// fault was there goes on while it is.
const (
	noisyShare = 0.05
	noisyRuns  = 5
)

// noisyMachine counts the runs that were no trials because the machine was busy, and reports whether they were too many.
func (f *falsification) noisyMachine() (noisy int, tooMany bool) {
	for _, run := range f.report.Runs {
		if f.stage != nil && run.Noise.P99 > f.stage.wall(mostNoise).Seconds() {
			noisy++
		}
	}
	return noisy, noisy >= noisyRuns && float64(noisy) > noisyShare*float64(len(f.report.Runs))
}

// verdict says what is known about a check, and why not more. On a noisy machine nothing is refuted.
func (f *falsification) verdict(c *report.Check) (stability.Verdict, string) {
	v, why := f.verdictOf(c)
	if noisy, tooMany := f.noisyMachine(); v == stability.Refuted && tooMany {
		return stability.Inconclusive, fmt.Sprintf("%s; but in %d of %d runs the machine was busy with other things: %s", why, noisy, len(f.report.Runs), quietly)
	}
	return v, why
}

// verdictOf is what the trials alone say.
func (f *falsification) verdictOf(c *report.Check) (stability.Verdict, string) {
	plan, target := f.report.Plan, c.Target()
	switch {
	case c.Controls.Events > plan.AllowedFalseAlarms:
		return stability.Refuted, fmt.Sprintf("it fired in %d of %d control runs, with nothing wrong", c.Controls.Events, c.Controls.Trials)
	case c.Shams.Events > 0:
		return stability.Refuted, fmt.Sprintf("it fired in %d of %d sham runs, with nothing injected", c.Shams.Events, c.Shams.Trials)
	case target == nil && c.Untested != "":
		return stability.Untested, c.Untested
	case target == nil:
		return stability.Untested, "no fault was tried on it"
	case c.Controls.Trials == 0 && c.Unjudged > 0:
		return stability.Inconclusive, fmt.Sprintf("it could not be judged in any of %d runs without a fault", c.Unjudged)
	case target.Decision == string(stats.Rejected):
		return stability.Refuted, fmt.Sprintf("%s detected it in %d of %d trials: %s", c.Name, target.Hits, target.Trials, outcomes(target))
	}
	excluded, noisy := 0, target.Outcomes[report.Noisy]
	for o, n := range target.Outcomes {
		if o.Excluded() && o != report.Noisy {
			excluded += n
		}
	}
	all := target.Trials + excluded
	lost := f.noisyControls(c.ID())
	switch {
	case f.report.Interrupted != "" && (c.Controls.Trials < plan.Controls || target.Decision == string(stats.Undecided)):
		return stability.Inconclusive, "the runs were ended early"
	case noisy > 0 && target.Decision == string(stats.Undecided):
		return stability.Inconclusive, fmt.Sprintf("in %d of %d fault runs the machine was busy with other things: %s", noisy, all+noisy, quietly)
	case lost > 0 && c.Controls.Trials < plan.Controls:
		return stability.Inconclusive, fmt.Sprintf("in %d runs without a fault the machine was busy with other things, which leaves %d of %d: %s",
			lost, c.Controls.Trials, plan.Controls, quietly)
	case all == 0:
		return stability.Untested, "no fault run was completed"
	case float64(excluded) > plan.MaxExcludedShare*float64(all):
		return stability.Inconclusive, fmt.Sprintf("in %d of %d fault runs the fault could not be shown to work: %s", excluded, all, outcomes(target))
	case target.Decision == string(stats.Undecided):
		return stability.Inconclusive, fmt.Sprintf("detected in %d of %d trials: neither rare nor reliable", target.Hits, target.Trials)
	case plan.Controls == 0:
		return stability.Inconclusive, "detected; without control runs that proves nothing"
	case c.Controls.Trials < plan.Controls:
		return stability.Inconclusive, fmt.Sprintf("it could be judged in %d of %d control runs only", c.Controls.Trials, plan.Controls)
	}
	if n := f.silentShams(c.ID()); 2*n < plan.Shams {
		return stability.Inconclusive, fmt.Sprintf("only %d of %d sham runs were silent for as long as detection took: time alone might fire it", n, plan.Shams)
	}
	return stability.Proven, fmt.Sprintf("silent in %d control runs, detected %d of %d", c.Controls.Trials, target.Hits, target.Trials)
}

// quietly is what to do about noise.
const quietly = "try again when it is quiet, or with -lanes 1"

// noisyControls counts the runs without a fault that were no trials because the machine was busy.
func (f *falsification) noisyControls(id string) (n int) {
	for _, run := range f.report.Runs {
		if !run.Kind.Injects() && run.Outcomes[id] == report.Noisy {
			n++
		}
	}
	return n
}

// noteNoise tells how far the machine could be trusted.
func (f *falsification) noteNoise() {
	var all []float64
	noise := report.Noise{Limit: f.stage.wall(mostNoise).Seconds()}
	for _, run := range f.report.Runs {
		all = append(all, run.Noise.P99)
		noise.Max = max(noise.Max, run.Noise.Max)
		if run.Noise.P99 > noise.Limit {
			noise.Runs++
		}
	}
	noise.P99 = stats.Quantile(all, 0, 0.5)
	if len(all) == 0 {
		noise.P99 = 0
	}
	f.report.Noise = noise
	if noise.Runs > 0 {
		f.note("in %d of %d runs the machine was busy with other things (a hundredth of all wakes came more than %.3g ms too late): they are no trials", noise.Runs, len(all), 1000*noise.Limit)
	}
}

// silentShams counts the sham runs in which a check stayed silent for as long as its slowest detection took.
func (f *falsification) silentShams(id string) (n int) {
	slowest := f.slowestOf(id)
	for _, run := range f.report.Runs {
		if run.Kind == report.ShamRun && run.Outcomes[id] == report.Silent && run.Watched >= slowest {
			n++
		}
	}
	return n
}

// outcomes lists what happened, most frequent first.
func outcomes(c *report.Cell) string {
	names := sortedKeys(c.Outcomes)
	slices.SortStableFunc(names, func(a, b report.Outcome) int { return c.Outcomes[b] - c.Outcomes[a] })
	text := ""
	for i, o := range names {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%d %s", c.Outcomes[o], o)
	}
	return text
}
