// Package gate is what the gates of a repository have in common: findings, what was judged, what could not be, and how that
// is told to people and machines.
//
// A gate judges a change before it is merged. Each lives in a folder of its own: modules (what is compiled is what
// go.mod says), toolchain (what another Go version changes for this program), start (the program comes up), review
// (stability.md says what a change means for stability), contracts (every check is proven), warmup (the checks were
// quiet in production).
//
// A gate that judged nothing has failed: two gates of public projects looked at the first package only, found nothing
// there and passed for years. So a report counts what it looked at, and names what it could not look at.
package gate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/falsifiable/stability/lab/internal/sarif"
)

// Level is how much a finding weighs.
type Level string

// The levels. Only an Error fails a gate.
const (
	Error   Level = "error"
	Warning Level = "warning"
	Note    Level = "note"
)

// Finding is one thing that is not as it should be.
type Finding struct {
	Rule  string `json:"rule"`
	Level Level  `json:"level"`
	// File is relative to the root of the repository, with slashes; empty for what stands in no file, as the environment.
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Message string `json:"message"`
	// Mend says what to do about it.
	Mend string `json:"mend,omitempty"`
}

// Place returns file, line and column as editors take them.
func (f Finding) Place() string {
	switch {
	case f.Line > 0 && f.Column > 0:
		return fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column)
	case f.Line > 0:
		return fmt.Sprintf("%s:%d", f.File, f.Line)
	}
	return f.File
}

// Gap is what could not be judged.
type Gap struct {
	What string `json:"what"`
	Why  string `json:"why"`
	// Fatal gaps leave the verdict open: the gate neither passes nor fails.
	Fatal bool `json:"fatal,omitempty"`
}

// Count is how many of a kind were judged.
type Count struct {
	What string `json:"what"`
	N    int    `json:"n"`
}

// Report is the outcome of a gate. Not safe for concurrent use.
type Report struct {
	Gate     string    `json:"gate"`
	Judged   []Count   `json:"judged"`
	Gaps     []Gap     `json:"gaps"`
	Findings []Finding `json:"findings"`
}

// Add adds a finding, once.
func (r *Report) Add(f Finding) {
	if !slices.Contains(r.Findings, f) {
		r.Findings = append(r.Findings, f)
	}
}

// Gap notes what could not be judged, once.
func (r *Report) Gap(fatal bool, what, format string, args ...any) {
	if g := (Gap{what, fmt.Sprintf(format, args...), fatal}); !slices.Contains(r.Gaps, g) {
		r.Gaps = append(r.Gaps, g)
	}
}

// Count adds to how many of a kind were judged.
func (r *Report) Count(what string, n int) {
	for i := range r.Judged {
		if r.Judged[i].What == what {
			r.Judged[i].N += n
			return
		}
	}
	r.Judged = append(r.Judged, Count{what, n})
}

// The exit codes of all gates.
const (
	ExitPassed = 0
	ExitFailed = 1 // a finding of level Error
	ExitUsage  = 2
	ExitOpen   = 3 // nothing was judged, or what mattered could not be
)

// ExitCode returns the gate's verdict.
func (r *Report) ExitCode() int {
	if slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Level == Error }) {
		return ExitFailed
	}
	judged := 0
	for _, c := range r.Judged {
		judged += c.N
	}
	if judged == 0 || slices.ContainsFunc(r.Gaps, func(g Gap) bool { return g.Fatal }) {
		return ExitOpen
	}
	return ExitPassed
}

// Sort puts findings into an order that does not change from run to run: the heavy ones first, then by place.
func (r *Report) Sort() {
	weight := map[Level]int{Error: 0, Warning: 1, Note: 2}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(weight[a.Level]-weight[b.Level], cmp.Compare(a.File, b.File), a.Line-b.Line, a.Column-b.Column,
			cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Message, b.Message))
	})
}

// WriteText writes the report for people.
func (r *Report) WriteText(w io.Writer) error {
	r.Sort()
	var b strings.Builder
	for _, f := range r.Findings {
		place := f.Place()
		if place != "" {
			place += ": "
		}
		fmt.Fprintf(&b, "%s%s: %s [%s]\n", place, f.Level, f.Message, f.Rule)
		if f.Mend != "" {
			fmt.Fprintf(&b, "\tmend: %s\n", strings.ReplaceAll(f.Mend, "\n", "\n\t"))
		}
	}
	for _, g := range r.Gaps {
		fmt.Fprintf(&b, "not judged: %s: %s\n", g.What, g.Why)
	}
	fmt.Fprintf(&b, "gate %s: %s\n", r.Gate, r.summary())
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) summary() string {
	verdict := map[int]string{ExitPassed: "passed", ExitFailed: "failed", ExitOpen: "open"}[r.ExitCode()]
	var parts []string
	for _, level := range []Level{Error, Warning, Note} {
		n := 0
		for _, f := range r.Findings {
			if f.Level == level {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, plural(n, string(level)))
		}
	}
	if len(parts) == 0 {
		parts = append(parts, "no finding")
	}
	var judged []string
	for _, c := range r.Judged {
		judged = append(judged, plural(c.N, c.What))
	}
	if len(judged) == 0 {
		judged = append(judged, "nothing")
	}
	text := fmt.Sprintf("%s: %s; judged %s", verdict, strings.Join(parts, ", "), strings.Join(judged, ", "))
	if len(r.Gaps) > 0 {
		text += fmt.Sprintf("; not judged: %d", len(r.Gaps))
	}
	return text
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if strings.HasSuffix(what, "y") {
		return fmt.Sprintf("%d %sies", n, strings.TrimSuffix(what, "y"))
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// WriteJSON writes the report for machines.
func (r *Report) WriteJSON(w io.Writer) error {
	r.Sort()
	full := struct {
		Report
		Verdict string `json:"verdict"`
	}{*r, map[int]string{ExitPassed: "passed", ExitFailed: "failed", ExitOpen: "open"}[r.ExitCode()]}
	// None is [], never null.
	full.Judged, full.Gaps, full.Findings = append([]Count{}, r.Judged...), append([]Gap{}, r.Gaps...), append([]Finding{}, r.Findings...)
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(full)
}

// SARIF returns the findings in the form that code hosts show beside the lines of a change.
func (r *Report) SARIF() sarif.Run {
	r.Sort()
	run := sarif.Run{Tool: sarif.Tool{Driver: sarif.Driver{Name: "stability gate " + r.Gate}}, Results: []sarif.Result{}}
	known := map[string]bool{}
	for _, f := range r.Findings {
		if !known[f.Rule] {
			known[f.Rule] = true
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarif.Rule{ID: f.Rule, ShortDescription: sarif.Text{Text: f.Rule}})
		}
		text := f.Message
		if f.Mend != "" {
			text += "\n" + f.Mend
		}
		file := f.File
		if file == "" {
			file = "go.mod" // SARIF wants a file for each finding, and those without one are about the build
		}
		run.Results = append(run.Results, sarif.Result{RuleID: f.Rule, Level: sarif.Level(f.Level), Message: sarif.Text{Text: text},
			Locations: []sarif.Location{sarif.At(file, f.Line, f.Column, "")}})
	}
	return run
}
