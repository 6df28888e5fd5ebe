package report

import (
	"fmt"
	"strings"

	"github.com/falsifiable/stability"
)

// Proven says once what holds of every proven check; "" when there is none.
func (r *Report) Proven() string {
	n, least, upper := 0, 0, 0.0
	hits := 0
	spoken := 0
	for _, c := range r.Checks {
		t := c.Target()
		if c.Verdict != stability.Proven || t == nil {
			continue
		}
		if n == 0 || c.Controls.Trials < least {
			least = c.Controls.Trials
		}
		if n == 0 || t.Hits < hits {
			hits = t.Hits
		}
		upper = max(upper, c.Controls.Upper)
		if c.Trial != nil && len(c.Trial.Spoken) > 0 {
			spoken++
		}
		n++
	}
	if n == 0 {
		return ""
	}
	text := fmt.Sprintf("proven means: silent in %d control runs or more, so a false alarm in fewer than %.3g %% of runs at %g %%; detected %d times or more; "+
		"the report has the figures of each check", least, 100*upper, 100*r.Plan.Confidence, hits)
	if spoken > 0 {
		text += fmt.Sprintf("; of %s the sensor was not tried, for a stand-in spoke in its place", counted(spoken, "check"))
	}
	return text
}

// LoadMet says what load the runs without a fault met; "" when there was none.
func (r *Report) LoadMet() string {
	sent, answered, p99 := 0, 0, 0.0
	for _, run := range r.Runs {
		if !run.Kind.Injects() {
			sent += run.Load.Sent
			answered += run.Load.Answered
			p99 = max(p99, run.Load.P99)
		}
	}
	if sent == 0 {
		return ""
	}
	return fmt.Sprintf("load without a fault: %d requests, %.4g %% answered below 500, p99 of the slowest run %.3g s", sent, 100*float64(answered)/float64(sent), p99)
}

// WhatNow says of a check that is not proven what can be done about it.
func (r *Report) WhatNow(c *Check) (advice []string) {
	if c.Verdict == stability.Proven {
		return nil
	}
	if c.Controls.Events+c.Shams.Events > 0 {
		return []string{"it fires while nothing is wrong: set the threshold above what it compares in the control runs of the report, relative to baseline(…), or let it hold For longer"}
	}
	t := c.Target()
	if t == nil {
		if c.Untested == "" {
			return nil
		}
		return []string{fmt.Sprintf("name a fault for it under checks.%s of falsify.yaml, or change the expression", c.Name)}
	}
	fault := c.Fault
	if f := r.Fault(c.Fault); f != nil {
		fault = f.Orders()
	}
	seen := make(map[string]bool)
	for _, run := range r.Runs {
		o := run.Outcomes[c.ID()]
		if run.Kind != FaultRun || run.Fault != c.Fault || o == Detected || o == "" || seen[string(o)] {
			continue
		}
		seen[string(o)] = true
		if text := r.whatNow(c, run, o, fault); text != "" {
			advice = append(advice, text)
		}
	}
	return advice
}

// EachWasTrue begins what Run.Missed says of a check whose comparisons were all true at some time, and not together for as long
// as it asks: then the fault is strong enough, and too short.
const EachWasTrue = "each comparison was true, but not all of them "

func (r *Report) whatNow(c *Check, run *Run, o Outcome, fault string) string {
	what := run.Missed[c.ID()]
	switch o {
	case Missed:
		if what == "" {
			return ""
		}
		if strings.HasPrefix(what, EachWasTrue) {
			return fmt.Sprintf("MISSED under %s: %s. Shorten For or the windows, or let the fault last: its deadline is %s", fault, what, contractTime(c.Target().Deadline))
		}
		return fmt.Sprintf("MISSED under %s: %s. Give the fault more (params under checks.%s of falsify.yaml) or more time (deadline), or lower the threshold", fault, what, c.Name)
	case Late:
		return fmt.Sprintf("it fired after its deadline of %s: shorten For or the windows, or give it a deadline under checks.%s of falsify.yaml", contractTime(c.Target().Deadline), c.Name)
	case Unknown:
		return "under its fault it could not be judged: " + orElse(what, "a signal had no reading")
	case CrashedFirst:
		return "the service died before the check fired: it must fire earlier, at a lower threshold or after a shorter For"
	case NotInjected:
		return fmt.Sprintf("%s found nothing to act on: the load must reach what it acts on (load.targets of falsify.yaml), or name another fault under checks.%s", fault, c.Name)
	case Firing:
		return "it fired before the fault: its threshold is below what the service does anyway"
	case TimedOut:
		return "the service did not answer its fault agent under this fault: give the fault less, or try it alone: true"
	}
	return ""
}
