package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/falsifiable/stability"
)

type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Time    string        `xml:"time,attr"`
	File    string        `xml:"file,attr,omitempty"`
	Line    int           `xml:"line,attr,omitempty"`
	Failure *junitMessage `xml:"failure,omitempty"`
	Error   *junitMessage `xml:"error,omitempty"`
	Skipped *junitMessage `xml:"skipped,omitempty"`
	Output  string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes one test case per cell: each check under the fault that was to prove it, and each check in the runs
// without a fault. Refuted is a failure, inconclusive an error, untested skipped.
func (r *Report) WriteJUnit(w io.Writer) error {
	suite := junitSuite{Name: "stability falsify " + r.Service, Time: fmt.Sprintf("%.3f", r.Took)}
	for _, c := range r.Checks {
		suite.Cases = append(suite.Cases, r.silenceCase(c))
		for _, cell := range c.Cells {
			suite.Cases = append(suite.Cases, r.cellCase(c, cell))
		}
		if c.Target() == nil {
			suite.Cases = append(suite.Cases, junitCase{
				Class: c.Contract, Name: c.Name + " detects its fault", File: c.Position.File, Line: c.Position.Line,
				Skipped: &junitMessage{Message: c.Reason},
			})
		}
	}
	for _, k := range suite.Cases {
		suite.Tests++
		switch {
		case k.Failure != nil:
			suite.Failures++
		case k.Error != nil:
			suite.Errors++
		case k.Skipped != nil:
			suite.Skipped++
		}
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	return encoder.Encode(suite)
}

func (r *Report) silenceCase(c *Check) junitCase {
	k := junitCase{
		Class: c.Contract, Name: c.Name + " is silent without a fault", File: c.Position.File, Line: c.Position.Line, Time: r.time(ControlRun, ""),
		Output: fmt.Sprintf("false alarms: %d in %d control runs and %d in %d sham runs", c.Controls.Events, c.Controls.Trials, c.Shams.Events, c.Shams.Trials),
	}
	switch {
	case c.Controls.Events > r.Plan.AllowedFalseAlarms || c.Shams.Events > 0:
		k.Failure = &junitMessage{Message: k.Output, Text: r.replay(c, "")}
	case c.Controls.Trials < r.Plan.Controls:
		k.Error = &junitMessage{Message: fmt.Sprintf("judged in %d of %d control runs only", c.Controls.Trials, r.Plan.Controls)}
	}
	return k
}

func (r *Report) cellCase(c *Check, cell *Cell) junitCase {
	k := junitCase{
		Class: c.Contract, Name: c.Name + " under " + cell.Fault, File: c.Position.File, Line: c.Position.Line, Time: r.time(FaultRun, cell.Fault),
		Output: outcomeLine(cell),
	}
	message := &junitMessage{Message: k.Output, Text: r.replay(c, cell.Fault)}
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

// time is how long the runs of a kind took together.
func (r *Report) time(kind Kind, faultID string) string {
	sum := 0.0
	for _, run := range r.Runs {
		if run.Kind == kind && run.Fault == faultID {
			sum += run.Took
		}
	}
	return fmt.Sprintf("%.3f", sum)
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
