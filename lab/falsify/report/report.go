// Package report is what falsify found out, as data and in every form in which people and machines read it: terminal, JSON,
// JUnit, SARIF, one HTML file, and the falsification.json that is committed beside a contract.
package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/signals"
)

// Schema is the version of the JSON form. It grows when a field changes its meaning or goes.
const Schema = 1

// Report is the outcome of one falsification. Durations are in seconds; those called contract time are the
// contract's own, which passes 1/Scale times faster than a clock. docs/reference/falsify-report.md describes every field.
type Report struct {
	Schema   int       `json:"schema"`
	Service  string    `json:"service"`
	Dir      string    `json:"dir"`
	Go       string    `json:"go"`
	Started  time.Time `json:"started"`
	Took     float64   `json:"took"`
	Build    float64   `json:"build"` // of Took, spent compiling
	Tier     string    `json:"tier"`
	Seed     uint64    `json:"seed"`
	Scale    float64   `json:"scale"`
	Lanes    int       `json:"lanes"`
	Exposure float64   `json:"exposure"` // contract time without a fault, over all control and sham runs
	// Interrupted says why the runs ended early, empty if they did not.
	Interrupted string            `json:"interrupted,omitempty"`
	Verdict     stability.Verdict `json:"verdict"` // the worst of the checks
	Plan        Plan              `json:"plan"`
	Checks      []*Check          `json:"checks"`
	Faults      []*Fault          `json:"faults"`
	Runs        []*Run            `json:"runs"`
	Notes       []string          `json:"notes,omitempty"`
	// Noise is how far the machine could be trusted: the median and the worst of the runs.
	Noise Noise `json:"noise"`
}

// Noise is by how much a sleeper of the lab's own woke too late on this machine, in seconds: delays which the service had, too.
// Of a fault run it is measured until the fault.
type Noise struct {
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
	// Limit is the P99 above which a run is no trial, and Runs how many were none; only of the whole report.
	Limit float64 `json:"limit,omitempty"`
	Runs  int     `json:"noisy,omitempty"`
}

// Plan is what was fixed before the first run.
type Plan struct {
	Controls           int     `json:"controls"`
	AllowedFalseAlarms int     `json:"allowed_false_alarms"`
	FalseAlarmRate     float64 `json:"false_alarm_rate"` // the claim: below this share of runs
	Confidence         float64 `json:"confidence"`
	Shams              int     `json:"shams"`
	Hits               int     `json:"hits"`   // detections in a row that suffice
	Trials             int     `json:"trials"` // the most of one fault
	DetectionLow       float64 `json:"detection_low"`
	DetectionHigh      float64 `json:"detection_high"`
	DetectionError     float64 `json:"detection_error"`
	Observe            float64 `json:"observe"`         // contract time of one control run
	MaxExcludedShare   float64 `json:"max_excluded"`    // of fault runs that may be NOT-INJECTED or TIMED-OUT
	RecoveryMargin     float64 `json:"recovery_margin"` // share of the baseline
	LateFactor         float64 `json:"late_factor"`     // a detection is waited for that many deadlines
}

// Interval is a two-sided confidence interval of a share.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Position is where a check is declared in the service's source. The zero Position is unknown.
type Position struct {
	File   string `json:"file,omitempty"` // relative to Report.Dir
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

// Check is the verdict on one check and what it rests on.
type Check struct {
	Contract string            `json:"contract"`
	Name     string            `json:"name"`
	Expr     string            `json:"expr"`
	Cause    string            `json:"cause,omitempty"`
	Hash     string            `json:"hash"`
	Signals  []string          `json:"signals,omitempty"`
	Warnings []string          `json:"warnings,omitempty"`
	Position Position          `json:"position"`
	Verdict  stability.Verdict `json:"verdict"`
	Reason   string            `json:"reason"`
	// Fault is the id of the fault that was to prove the check, empty if there is none.
	Fault    string `json:"fault,omitempty"`
	Controls Count  `json:"controls"` // false alarms in control runs
	Shams    Count  `json:"shams"`    // false alarms in sham runs
	// FalseAlarmsPerHour is the upper bound of false alarms per hour of contract time, a claim of its own.
	FalseAlarmsPerHour float64 `json:"false_alarms_per_hour"`
	// Unjudged counts the control and sham runs in which the check stayed Unknown: they are no trials.
	Unjudged int `json:"unjudged"`
	// Trial says how the check is tried and why so: Found says by whom that was decided. Untested says why it is not.
	Trial    *Trial  `json:"trial,omitempty"`
	Untested string  `json:"untested,omitempty"`
	Cells    []*Cell `json:"cells"`
}

// Trial is how a check is tried.
type Trial struct {
	// Found is who says so: file, catalogue, or expression.
	Found string `json:"found"`
	// Fires is when the check is expected to fire, in seconds by the clock after the injection; 0 if nobody knows.
	Fires float64 `json:"fires,omitempty"`
	// Steps are the check's comparisons: what the left side is without the fault, and what it is to become.
	Steps []string `json:"steps,omitempty"`
	// Spoken are the signals whose readings a stand-in makes up, so that their sensors are not tried. Why says why no other
	// fault moves them.
	Spoken []string `json:"spoken,omitempty"`
	Why    string   `json:"why,omitempty"`
}

// ID is the check's name in the whole service, contract/check.
func (c *Check) ID() string { return c.Contract + "/" + c.Name }

// Target returns the cell of the fault that was to prove the check, nil if there is none.
func (c *Check) Target() *Cell {
	for _, cell := range c.Cells {
		if cell.Target {
			return cell
		}
	}
	return nil
}

// Count is a number of events in a number of trials.
type Count struct {
	Events   int      `json:"events"`
	Trials   int      `json:"trials"`
	Interval Interval `json:"interval"` // Clopper-Pearson, at the plan's confidence
	Upper    float64  `json:"upper"`    // one-sided
}

// Outcome is what became of one check in one fault run.
type Outcome string

// The outcomes. Only Detected counts as a detection; NotInjected and TimedOut are no trials at all.
const (
	Detected     Outcome = "DETECTED"      // fired within its deadline
	Late         Outcome = "LATE"          // fired after it
	Missed       Outcome = "MISSED"        // did not fire
	Unknown      Outcome = "UNKNOWN"       // could not be judged
	NotInjected  Outcome = "NOT-INJECTED"  // no witness: the fault did not take effect
	CrashedFirst Outcome = "CRASHED-FIRST" // the process died before the check fired
	TimedOut     Outcome = "TIMED-OUT"     // the service stopped answering the agent, or the run its budget
	Firing       Outcome = "ALREADY-FIRING"
	Collateral   Outcome = "COLLATERAL" // fired under a fault that it was not declared for
	Silent       Outcome = "SILENT"     // rightly did not fire under another check's fault
	FalseAlarm   Outcome = "FALSE-ALARM"
	Canceled     Outcome = "CANCELED"   // the run was ended from outside
	Overloaded   Outcome = "OVERLOADED" // the service did not bear the load of a run without a fault
	Noisy        Outcome = "NOISY"      // the machine was too busy with other things
)

// Excluded reports whether the outcome leaves numerator and denominator.
func (o Outcome) Excluded() bool {
	return o == NotInjected || o == TimedOut || o == Canceled || o == Overloaded || o == Noisy
}

// Cell is one check under one fault.
type Cell struct {
	Fault string `json:"fault"`
	// Target tells that this fault was to prove this check; the other cells only watch for collateral.
	Target   bool            `json:"target"`
	Declared bool            `json:"declared,omitempty"` // the experiment file expects the check to fire, too
	Outcomes map[Outcome]int `json:"outcomes"`
	Hits     int             `json:"hits"`
	Trials   int             `json:"trials"`
	Interval Interval        `json:"interval"` // of the share of detections
	Decision string          `json:"decision"` // of the sequential test
	Deadline float64         `json:"deadline"` // contract time
	// Median and P95 of the time to detect, in contract time, misses counting as longer than all others; absent
	// where that makes them infinite.
	Median *float64 `json:"median,omitempty"`
	P95    *float64 `json:"p95,omitempty"`
}

// runs returns how many runs the cell has an outcome of.
func (c *Cell) runs() (n int) {
	for _, count := range c.Outcomes {
		n += count
	}
	return n
}

// Summary is the cell's most frequent bad outcome, Detected if there is none.
func (c *Cell) Summary() Outcome {
	worst, most := Outcome(""), 0
	for _, o := range []Outcome{Missed, Late, CrashedFirst, Firing, Unknown, NotInjected, TimedOut, Canceled, Noisy, Collateral} {
		if c.Outcomes[o] > most {
			worst, most = o, c.Outcomes[o]
		}
	}
	switch {
	case most > 0:
		return worst
	case c.Outcomes[Detected] > 0:
		return Detected
	case c.Target:
		return ""
	}
	return Silent
}

// Fault is one thing that was injected.
type Fault struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	Dependency string            `json:"dependency,omitempty"`
	Title      string            `json:"title"`
	Params     map[string]string `json:"params,omitempty"`
	// With are further faults that are injected together with it.
	With     []Part   `json:"with,omitempty"`
	Deadline float64  `json:"deadline"` // contract time, the longest of its checks
	Heavy    bool     `json:"heavy,omitempty"`
	Recovery Recovery `json:"recovery"`
}

// Part is a fault that is injected together with another.
type Part struct {
	Name       string            `json:"name"`
	Dependency string            `json:"dependency,omitempty"`
	Title      string            `json:"title"`
	Params     map[string]string `json:"params,omitempty"`
}

// Recovery counts how the service was after the fault was removed. It decides nothing: whether a service recovers
// is a property of the service, not of the check.
type Recovery struct {
	Equivalent int `json:"equivalent"` // signals shown to be within the margin of their baseline
	Different  int `json:"different"`
	Unclear    int `json:"unclear"` // too noisy or too short to tell
}

// Kind is the kind of a run.
type Kind string

// The kinds of runs.
const (
	ControlRun Kind = "control" // random load of a random shape, no fault
	ShamRun    Kind = "sham"    // everything a fault run does, but the fault
	FaultRun   Kind = "fault"
	PilotRun   Kind = "pilot" // a fault run that is not counted: it shows whether the plan holds
)

// Injects reports whether a fault is injected in runs of the kind.
func (k Kind) Injects() bool { return k == FaultRun || k == PilotRun }

// Run is one life of the service.
type Run struct {
	ID    int    `json:"id"`
	Kind  Kind   `json:"kind"`
	Fault string `json:"fault,omitempty"`
	Shape string `json:"shape"`
	Seed  uint64 `json:"seed"`
	// Start is in seconds since Report.Started; the other times are in seconds since Start, as clocks count.
	Start    float64            `json:"start"`
	Took     float64            `json:"took"`
	Warm     float64            `json:"warm"`               // when the checks could be judged
	Watched  float64            `json:"watched,omitempty"`  // how long a control or sham run was watched from then on
	Injected float64            `json:"injected,omitempty"` // when the fault had taken effect
	Removed  float64            `json:"removed,omitempty"`
	Outcomes map[string]Outcome `json:"outcomes"`           // by contract/check
	Detected map[string]float64 `json:"detected,omitempty"` // contract time from effect to violation
	Witness  string             `json:"witness,omitempty"`
	Residue  string             `json:"residue,omitempty"`
	Recovery *Recovered         `json:"recovery,omitempty"`
	Load     Load               `json:"load"`
	Noise    Noise              `json:"noise"`
	Note     string             `json:"note,omitempty"` // what went wrong
	// Missed says of each check that did not fire what its signals did against what they had to do.
	Missed map[string]string `json:"missed,omitempty"`
	Lines  []*Line           `json:"lines,omitempty"`
	// Mutations say of each check that was detected which of its mutants would be noticed.
	Mutations map[string]*Mutation `json:"mutations,omitempty"`
}

// Recovered is how the service was after a fault was removed.
type Recovered struct {
	Outcome string `json:"outcome"`       // equivalent, different or unclear
	Why     string `json:"why,omitempty"` // by which signal
}

// String says both.
func (r *Recovered) String() string {
	if r == nil || r.Why == "" {
		return r.outcome()
	}
	return r.Outcome + ": " + r.Why
}

func (r *Recovered) outcome() string {
	if r == nil {
		return ""
	}
	return r.Outcome
}

// Load is what the load met in one run. Latencies in seconds, from the intended time of sending.
type Load struct {
	Sent     int            `json:"sent"`
	Answered int            `json:"answered"`
	Statuses map[string]int `json:"statuses,omitempty"`
	P50      float64        `json:"p50"`
	P99      float64        `json:"p99"`
	Max      float64        `json:"max"`
	Early    float64        `json:"early"` // the medians of the first and the last third of the answers
	Late     float64        `json:"late"`
	Error    string         `json:"error,omitempty"`
}

// Line is the recorded course of one check in one run: what it compared, and its state.
type Line struct {
	Check    string `json:"check"`
	Instance string `json:"instance,omitempty"`
	// Unit and PerSecond are those of its values and thresholds.
	Unit      signals.Unit `json:"unit,omitempty"`
	PerSecond bool         `json:"per_second,omitempty"`
	Points    []Point      `json:"points"`
}

// Point is one moment of a Line. At is in seconds since the run's start.
type Point struct {
	At        float64         `json:"at"`
	Value     *float64        `json:"value,omitempty"`
	Threshold *float64        `json:"threshold,omitempty"`
	State     stability.State `json:"state"`
}

// Check returns the check with that id, nil if there is none.
func (r *Report) Check(id string) *Check {
	i := slices.IndexFunc(r.Checks, func(c *Check) bool { return c.ID() == id })
	if i < 0 {
		return nil
	}
	return r.Checks[i]
}

// Fault returns the fault with that id, nil if there is none.
func (r *Report) Fault(id string) *Fault {
	i := slices.IndexFunc(r.Faults, func(f *Fault) bool { return f.ID == id })
	if i < 0 {
		return nil
	}
	return r.Faults[i]
}

// Orders names the faults that are injected, with their parameters: "heapgrowth(max=1GiB, rate=40MiB/s)".
func (f *Fault) Orders() string {
	text := order(f.Name, f.Dependency, f.Params)
	for _, p := range f.With {
		text += " and " + order(p.Name, p.Dependency, p.Params)
	}
	return text
}

func order(name, dependency string, params map[string]string) string {
	var words []string
	for _, key := range slices.Sorted(maps.Keys(params)) {
		words = append(words, key+"="+params[key])
	}
	if dependency != "" {
		name += "@" + dependency
	}
	if len(words) == 0 {
		return name
	}
	return name + "(" + strings.Join(words, ", ") + ")"
}

// Counts says how many checks got each verdict.
func (r *Report) Counts() map[stability.Verdict]int {
	counts := make(map[stability.Verdict]int)
	for _, c := range r.Checks {
		counts[c.Verdict]++
	}
	return counts
}

// count returns the number of runs of one kind.
func (r *Report) count(kind Kind) (n int) {
	for _, run := range r.Runs {
		if run.Kind == kind {
			n++
		}
	}
	return n
}

// String says the plan in words, as it is printed before the first run.
func (p Plan) String() string {
	return fmt.Sprintf("false alarms: at most %d in %d control runs (claim: below %.3g %% of runs at %g %%); detection: %d in a row "+
		"(%g %% against %g %%, at most %d trials a fault); %d sham runs",
		p.AllowedFalseAlarms, p.Controls, 100*p.FalseAlarmRate, 100*p.Confidence, p.Hits, 100*p.DetectionLow, 100*p.DetectionHigh, p.Trials, p.Shams)
}
