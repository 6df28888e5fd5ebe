package report

import (
	"io"
	"strings"

	"github.com/falsifiable/stability/lab/internal/sarif"
	"github.com/falsifiable/stability/lab/schedule"
)

var rules = map[schedule.Level]string{
	schedule.ProvenLeak: "The garbage collector found that nothing alive can ever wake the goroutine.",
	schedule.Deadlock:   "Every goroutine is blocked, and nothing is left outside to wake one.",
	schedule.Race:       "Two goroutines access a variable without order, one of them writing.",
	schedule.Cycle:      "Reachable goroutines wait for each other in a circle of locks.",
	schedule.Hung:       "A run did not end in its time, at rest or long after a plain run does.",
	schedule.Failed:     "The tests fail in a plain run.",
	schedule.Crashed:    "The program panics or exits under a schedule, not in a plain run.",
	schedule.Suspect:    "A goroutine is blocked and still reachable or still at work after the tests, or a test fails only under a schedule.",
}

// SARIF writes the report as SARIF 2.1.0: proven findings are errors, a SUSPECT is a note.
func SARIF(w io.Writer, r *schedule.Report) error {
	run := sarif.Run{Tool: sarif.Tool{Driver: sarif.Driver{Name: "stability test"}}}
	for _, level := range schedule.Levels() {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules,
			sarif.Rule{ID: level.String(), ShortDescription: sarif.Text{Text: rules[level]}})
	}
	for _, f := range r.Findings {
		var text strings.Builder
		writeFinding(&text, r, f)
		result := sarif.Result{RuleID: f.Level.String(), Level: sarif.Error, Message: sarif.Text{Text: text.String()}}
		if f.Level == schedule.Suspect {
			result.Level = sarif.Note
		}
		for i, s := range f.Sides {
			for _, frame := range s.Frames[:min(len(s.Frames), 1)] {
				if i == 0 {
					result.Locations = append(result.Locations, sarif.At(frame.File, frame.Line, 0, ""))
					continue
				}
				result.RelatedLocations = append(result.RelatedLocations, sarif.At(frame.File, frame.Line, 0, s.State))
			}
		}
		run.Results = append(run.Results, result)
	}
	return sarif.Write(w, run)
}
