// Package doctor checks how a Go service is set up to run: the runtime's settings against what its container allows, and the
// probes and limits of its manifest. It reads binaries, processes, metrics over HTTP, Kubernetes manifests and container
// specifications, and can mend the files among them.
package doctor

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// Level is how bad a finding is.
type Level string

const (
	// Error is what cannot work as it is meant.
	Error Level = "error"
	// Warning is what fails under load or in a failure.
	Warning Level = "warning"
	// Note is worth knowing.
	Note Level = "note"
)

// Finding is one thing that is not as it should be.
type Finding struct {
	Rule    string `json:"rule"`
	Level   Level  `json:"level"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Subject string `json:"subject"` // the container, process or binary
	What    string `json:"what"`
	Why     string `json:"why"`
	Mend    string `json:"mend"` // the line to change, as it should be

	edit *edit
}

// String returns the finding as a compiler would.
func (f Finding) String() string {
	place := f.Subject
	if f.File != "" {
		place = fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Subject)
	}
	return fmt.Sprintf("%s: %s: %s [%s]\n\twhy: %s\n\tmend: %s", place, f.Level, f.What, f.Rule, f.Why, f.Mend)
}

// Report is what a look at one subject gave.
type Report struct {
	Findings []Finding `json:"findings"`
	// Problems are the parts that could not be judged. All other parts were.
	Problems []Problem `json:"problems,omitempty"`
	// Judged names the containers, processes and binaries that were judged.
	Judged []string `json:"judged"`
}

// Problem is why a part could not be judged.
type Problem struct {
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
	Text string `json:"text"`
}

func (p Problem) String() string {
	switch {
	case p.File == "":
		return p.Text
	case p.Line == 0:
		return p.File + ": " + p.Text
	default:
		return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text)
	}
}

// sort orders findings by place, so that reports can be compared.
func (r *Report) sort() {
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Rule, b.Rule))
	})
}

// Failed reports whether there is an error or a warning.
func (r *Report) Failed() bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Level != Note })
}

// Rules says of each rule, by its name, what it demands.
var Rules = map[string]string{
	"gomaxprocs":      "GOMAXPROCS fits the CPU limit and the Go version's own rule",
	"automaxprocs":    "no library overrides the runtime's own GOMAXPROCS",
	"gomemlimit":      "GOMEMLIMIT parses, and leaves room below the memory limit for what is not heap",
	"gogc":            "GOGC parses, and is off only under a memory limit",
	"godebug":         "GODEBUG names settings that exist",
	"gotraceback":     "GOTRACEBACK tells enough, and cores go where there is room",
	"ulimit":          "file descriptors and processes suffice",
	"cgroup":          "the container's limits are to be seen",
	"resources":       "requests and limits are set, parse, and fit each other",
	"readiness":       "there is a readiness probe that does not flap",
	"liveness":        "the liveness probe asks for nothing that a restart does not mend",
	"startup":         "a slow start has a startup probe",
	"terminationtime": "there is time to drain before the kill",
}

// RuleNames returns the names of all rules, sorted.
func RuleNames() []string { return slices.Sorted(maps.Keys(Rules)) }
