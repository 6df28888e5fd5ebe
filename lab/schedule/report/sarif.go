package report

import (
	"encoding/json"
	"io"
	"strings"

	"github.com/falsifiable/stability/lab/schedule"
)

// The part of SARIF 2.1.0 that is written.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool    sarifTool     `json:"tool"`
		Results []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name  string      `json:"name"`
		Rules []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID          string    `json:"id"`
		Description sarifText `json:"shortDescription"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
		Related   []sarifLocation `json:"relatedLocations,omitempty"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
		Message  *sarifText    `json:"message,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		Line int `json:"startLine"`
	}
)

var rules = []struct {
	level schedule.Level
	text  string
}{
	{schedule.ProvenLeak, "The garbage collector found that nothing alive can ever wake the goroutine."},
	{schedule.Deadlock, "Every goroutine is blocked, and nothing is left outside to wake one."},
	{schedule.Race, "Two goroutines access a variable without order, one of them writing."},
	{schedule.Cycle, "Reachable goroutines wait for each other in a circle of locks."},
	{schedule.Suspect, "A goroutine is blocked and still reachable, or a test fails only under a schedule."},
}

// SARIF writes the report as SARIF 2.1.0: proven findings are errors, a SUSPECT is a note.
func SARIF(w io.Writer, r *schedule.Report) error {
	run := sarifRun{Tool: sarifTool{sarifDriver{Name: "stability test"}}, Results: []sarifResult{}}
	for _, rule := range rules {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{rule.level.String(), sarifText{rule.text}})
	}
	for _, f := range r.Findings {
		var text strings.Builder
		writeFinding(&text, f)
		result := sarifResult{RuleID: f.Level.String(), Level: "error", Message: sarifText{text.String()}}
		if f.Level == schedule.Suspect {
			result.Level = "note"
		}
		for i, s := range f.Sides {
			for _, frame := range s.Frames[:min(len(s.Frames), 1)] {
				at := sarifLocation{Physical: physical(frame)}
				if i == 0 {
					result.Locations = append(result.Locations, at)
					continue
				}
				at.Message = &sarifText{s.State}
				result.Related = append(result.Related, at)
			}
		}
		run.Results = append(run.Results, result)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}

func physical(f schedule.Frame) sarifPhysical {
	return sarifPhysical{sarifArtifact{f.File}, sarifRegion{max(f.Line, 1)}}
}
