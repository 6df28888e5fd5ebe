package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/lab/internal/junit"
)

// WriteJUnit writes one test case per cell: each check under the fault that was to prove it, and each check in the runs
// without a fault. Refuted is a failure, inconclusive an error, untested skipped.
func (r *Report) WriteJUnit(w io.Writer) error {
	suite := junit.Suite{Name: "stability falsify " + r.Service, Took: junit.Seconds(r.Took)}
	for _, c := range r.Checks {
		suite.Cases = append(suite.Cases, r.silenceCase(c))
		for _, cell := range c.Cells {
			suite.Cases = append(suite.Cases, r.cellCase(c, cell))
		}
		if c.Target() == nil {
			suite.Cases = append(suite.Cases, junit.Case{
				Class: c.Contract, Name: c.Name + " detects its fault", File: c.Position.File, Line: c.Position.Line,
				Skipped: &junit.Message{Message: c.Reason},
			})
		}
	}
	return junit.Write(w, suite)
}

func (r *Report) silenceCase(c *Check) junit.Case {
	k := junit.Case{
		Class: c.Contract, Name: c.Name + " is silent without a fault", File: c.Position.File, Line: c.Position.Line, Took: r.took(ControlRun, ""),
		Output: fmt.Sprintf("false alarms: %d in %d control runs and %d in %d sham runs", c.Controls.Events, c.Controls.Trials, c.Shams.Events, c.Shams.Trials),
	}
	switch {
	case c.Controls.Events > r.Plan.AllowedFalseAlarms || c.Shams.Events > 0:
		k.Failure = &junit.Message{Message: k.Output, Text: r.replay(c, "")}
	case c.Controls.Trials < r.Plan.Controls:
		k.Error = &junit.Message{Message: fmt.Sprintf("judged in %d of %d control runs only", c.Controls.Trials, r.Plan.Controls)}
	}
	return k
}

func (r *Report) cellCase(c *Check, cell *Cell) junit.Case {
	k := junit.Case{
		Class: c.Contract, Name: c.Name + " under " + cell.Fault, File: c.Position.File, Line: c.Position.Line, Took: r.took(FaultRun, cell.Fault),
		Output: outcomeLine(cell),
	}
	message := &junit.Message{Message: k.Output, Text: r.replay(c, cell.Fault)}
	switch {
	case !cell.Target:
		// What a check does under the faults of others is reported and not judged.
	case cell.Decision == "rejected":
		k.Failure = message
	case cell.Decision != "accepted" || c.Verdict == stability.Inconclusive:
		k.Error = message
	}
	return k
}

func (r *Report) replay(c *Check, faultID string) string {
	return fmt.Sprintf("%s\n%s\nagain: stability falsify -%s -seed %d -only %s/%s %s", c.Expr, c.Reason, r.Tier, r.Seed, c.ID(), faultID, r.Dir)
}

// took is how long the runs of a kind took together.
func (r *Report) took(kind Kind, faultID string) junit.Seconds {
	sum := 0.0
	for _, run := range r.Runs {
		if run.Kind == kind && run.Fault == faultID {
			sum += run.Took
		}
	}
	return junit.Seconds(sum)
}

func outcomeLine(c *Cell) string {
	var parts []string
	for _, o := range []Outcome{Detected, Late, Missed, Unknown, CrashedFirst, Firing, NotInjected, TimedOut, Canceled, Collateral, Silent} {
		if n := c.Outcomes[o]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, o))
		}
	}
	return strings.Join(parts, ", ")
}
