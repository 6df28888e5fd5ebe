// Package falsify tries to prove every stability check of a service wrong.
//
// It builds the service with a fault agent laid in, runs it many times under seeded load, and asks two questions of
// each check: does it stay silent when nothing is wrong (control and sham runs), and does it fire, in time, under the
// fault that it exists for (fault runs)? A check that passes both is proven, with the confidence that the report
// states; one that fails either is refuted. A check nobody has tried to break is a guess.
//
// The rooms, bottom up: stats counts, load drives, build compiles, process runs, agent and network break, experiment
// reads falsify.yaml, report tells. This package puts them together; none of them knows another.
package falsify

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/falsifiable/stability/cause"
	"github.com/falsifiable/stability/cause/catalogue"
	"github.com/falsifiable/stability/lab/falsify/build"
	"github.com/falsifiable/stability/lab/falsify/experiment"
	"github.com/falsifiable/stability/lab/falsify/report"
	"github.com/falsifiable/stability/lab/falsify/stats"

	"github.com/falsifiable/stability"
)

// Report is the outcome; see package report for its parts and its forms.
type Report = report.Report

// Tier is how much is tried.
type Tier string

// The tiers. Quick is for a first look, minutes; PR for each change; Nightly for claims one can lean on.
const (
	Quick   Tier = "quick"
	PR      Tier = "pr"
	Nightly Tier = "nightly"
)

// Errors that say that there was nothing to falsify: never a success.
var (
	ErrNoMonitor  = errors.New("falsify: the service runs no monitor")
	ErrNoContract = errors.New("falsify: the service has no contract")
	ErrNoLoad     = errors.New("falsify: the service does not answer the load")
	ErrNoFault    = errors.New("falsify: no fault is known for any check")
	ErrUsage      = errors.New("falsify: usage")
)

// Config says what to falsify and how hard to try.
type Config struct {
	// Dir is the directory of the service's main package. Required.
	Dir string
	// Experiment is the experiment file. Defaults to falsify.yaml in Dir, and without one to the defaults.
	Experiment string
	// Tier defaults to Quick.
	Tier Tier
	// Seed decides loads, order and faults. Defaults to one from the clock; the report says which.
	Seed uint64
	// Only restricts the runs to the fault runs of CHECK/FAULT, CHECK or /FAULT, to look at one cell again. Such a run
	// has no controls and proves nothing.
	Only string
	// Scale multiplies the contract's own times. Defaults to the tier's: 1/120, 1/30, 1/10.
	Scale float64
	// Lanes is how many services run side by side. Defaults to the tier's choice for this machine.
	Lanes int
	// Causes tell which fault proves a check of which cause. Defaults to the catalogue.
	Causes []cause.Cause
	// PlanOnly ends after the trials are planned: nothing is injected, the report has no runs.
	PlanOnly bool
	// Mutate makes weakened copies of each check that was detected, mutants, and says which of them no run can tell
	// from the check.
	Mutate bool
	// Planned, if set, is called once before the first run with what is planned; Progress after each run.
	Planned  func(*Report)
	Progress func(Progress)
}

// Progress is how far the runs are. Total may grow while sequential tests ask for more trials.
type Progress struct {
	Done, Total int
	Run         *report.Run // the one that just ended
	Elapsed     time.Duration
}

// tier is what a Tier stands for.
type tier struct {
	scale    float64
	controls int
	rate     float64 // the false-alarm claim
	test     stats.SPRT
	trials   int           // the most per fault
	observe  time.Duration // contract time of a control run, once its checks can be judged
	lanes    int
	patience time.Duration // by the clock: the longest that a check may take to fire
}

const (
	confidence       = 0.95
	maxExcludedShare = 0.10
	recoveryMargin   = 0.05
	lateFactor       = 1.5
	defaultDeadline  = 5 * time.Minute
)

func tiers() map[Tier]tier {
	cores := runtime.NumCPU()
	return map[Tier]tier{
		// Four light services share two cores well: at the default load each takes a tenth of one.
		Quick: {scale: 1.0 / 120, controls: stats.CleanRuns(0, 0.05, confidence), rate: 0.05,
			test: stats.Quick, trials: 12, observe: 2 * time.Minute, lanes: cores + 2, patience: time.Minute},
		PR: {scale: 1.0 / 30, controls: stats.CleanRuns(0, 0.05, confidence), rate: 0.05,
			test: stats.Quick, trials: 16, observe: 3 * time.Minute, lanes: max(cores, 1), patience: 2 * time.Minute},
		// A machine that is fully busy disturbs the services by itself: the tier whose numbers are to be relied on
		// leaves cores idle.
		Nightly: {scale: 1.0 / 10, controls: stats.CleanRuns(0, 0.01, confidence), rate: 0.01,
			test: stats.Nightly, trials: 48, observe: 5 * time.Minute, lanes: max(cores/2, 1), patience: 8 * time.Minute},
	}
}

func (c Config) withDefaults() (Config, tier, error) {
	if c.Dir == "" {
		return c, tier{}, fmt.Errorf("%w: there is no directory of a service", ErrUsage)
	}
	if c.Tier == "" {
		c.Tier = Quick
	}
	t, ok := tiers()[c.Tier]
	if !ok {
		return c, tier{}, fmt.Errorf("%w: %q is none of the tiers quick, pr, nightly", ErrUsage, c.Tier)
	}
	if c.Scale == 0 {
		c.Scale = t.scale
	}
	if !(c.Scale > 0 && c.Scale <= 1) {
		return c, tier{}, fmt.Errorf("%w: a scale of %g is not above 0 and at most 1", ErrUsage, c.Scale)
	}
	if c.Lanes <= 0 {
		c.Lanes = t.lanes
	}
	if c.Seed == 0 {
		c.Seed = uint64(time.Now().UnixNano()) & (1<<32 - 1) // short enough to type again
	}
	if c.Causes == nil {
		c.Causes = catalogue.All()
	}
	return c, t, nil
}

func (t tier) plan() report.Plan {
	hits := t.test.Straight()
	return report.Plan{
		Controls: t.controls, FalseAlarmRate: t.rate, Confidence: confidence, Shams: hits, Hits: hits, Trials: t.trials,
		DetectionLow: t.test.Low, DetectionHigh: t.test.High, DetectionError: t.test.Error,
		Observe: t.observe.Seconds(), MaxExcludedShare: maxExcludedShare, RecoveryMargin: recoveryMargin, LateFactor: lateFactor,
	}
}

// ExitCode is the exit code of a command that ran a falsification: 0 proven, 1 refuted, 2 usage, 3 inconclusive, which
// includes a service that could not be built or run.
func ExitCode(r *Report, err error) int {
	if err != nil {
		for _, usage := range []error{ErrUsage, ErrNoMonitor, ErrNoContract, ErrNoFault, ErrNoLoad, build.ErrNotMain, build.ErrNoLibrary} {
			if errors.Is(err, usage) {
				return 2
			}
		}
		if _, ok := errors.AsType[*experiment.PositionError](err); ok {
			return 2
		}
		return 3
	}
	switch r.Verdict {
	case stability.Proven:
		return 0
	case stability.Refuted:
		return 1
	}
	return 3
}
