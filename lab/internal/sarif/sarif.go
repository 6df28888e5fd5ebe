// Package sarif writes the part of SARIF 2.1.0 that the tools of the lab fill in: the form in which code hosts and
// editors take findings.
package sarif

import (
	"encoding/json"
	"io"
)

// Run is the output of one tool.
type Run struct {
	Tool    Tool     `json:"tool"`
	Results []Result `json:"results"` // none: [], never null
}

// Tool wraps the Driver, as the format wants it.
type Tool struct {
	Driver Driver `json:"driver"`
}

// Driver is the tool, with all rules that it can report.
type Driver struct {
	Name           string `json:"name"`
	InformationURI string `json:"informationUri,omitempty"`
	Rules          []Rule `json:"rules"`
}

// Rule is a kind of finding.
type Rule struct {
	ID               string `json:"id"`
	ShortDescription Text   `json:"shortDescription"`
	HelpURI          string `json:"helpUri,omitempty"`
}

// Text is a plain text.
type Text struct {
	Text string `json:"text"`
}

// Level is how bad a finding is.
type Level string

// The levels that our tools use.
const (
	Error   Level = "error"
	Warning Level = "warning"
	Note    Level = "note"
)

// Result is one finding.
type Result struct {
	RuleID              string            `json:"ruleId"`
	Level               Level             `json:"level"`
	Message             Text              `json:"message"`
	Locations           []Location        `json:"locations"`
	RelatedLocations    []Location        `json:"relatedLocations,omitempty"`
	PartialFingerprints map[string]string `json:"partialFingerprints,omitempty"`
}

// Location is a place in a file.
type Location struct {
	PhysicalLocation PhysicalLocation `json:"physicalLocation"`
	Message          *Text            `json:"message,omitempty"`
}

// PhysicalLocation is the file and the place in it.
type PhysicalLocation struct {
	ArtifactLocation ArtifactLocation `json:"artifactLocation"`
	Region           Region           `json:"region"`
}

// ArtifactLocation names a file, by a path with slashes that is relative to the working directory, or absolute.
type ArtifactLocation struct {
	URI string `json:"uri"`
}

// Region is a place in a file. Lines and columns count from 1; column 0 is left out.
type Region struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn,omitempty"`
}

// At returns the location of a line, and of a column in it unless that is 0, with a message unless that is empty. A line
// below 1, for "somewhere in this file", becomes 1: the format knows no other.
func At(file string, line, column int, message string) Location {
	l := Location{PhysicalLocation: PhysicalLocation{ArtifactLocation{file}, Region{max(line, 1), column}}}
	if message != "" {
		l.Message = &Text{message}
	}
	return l
}

// Write writes a log with one run, indented.
func Write(w io.Writer, run Run) error {
	if run.Results == nil {
		run.Results = []Result{}
	}
	for i := range run.Results {
		if run.Results[i].Locations == nil {
			run.Results[i].Locations = []Location{}
		}
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(struct {
		Schema  string `json:"$schema"`
		Version string `json:"version"`
		Runs    []Run  `json:"runs"`
	}{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []Run{run}})
}
