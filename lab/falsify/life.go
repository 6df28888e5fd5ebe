package falsify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/lab/falsify/load"
	"github.com/falsifiable/stability/lab/falsify/noise"
	"github.com/falsifiable/stability/lab/falsify/plan"
	"github.com/falsifiable/stability/lab/falsify/process"
	"github.com/falsifiable/stability/lab/falsify/report"
)

// warmth is what the first look at the service found out: how long its checks take until they can be judged.
type warmth struct {
	limit time.Duration   // that later lives get
	known map[string]bool // checks that can be judged at all
}

// learnLimit is the contract time within which a check must become judgeable. A longer window than that cannot be
// falsified in a run anybody waits for; the check is reported as UNKNOWN.
const learnLimit = 20 * time.Minute

// warm waits until every check that can be judged is.
func (s *subject) warm(ctx context.Context, w warmth) error {
	err := s.until(ctx, w.limit, func() bool {
		for id := range w.known {
			if s.watch.state(id) == stability.Unknown {
				return false
			}
		}
		return true
	})
	if errors.Is(err, errLimit) {
		return nil // what is still Unknown says so in its outcome
	}
	return err
}

// control is one life without a fault. A sham differs in that it follows the course of a fault run, agent included, for as
// long as detection has ever taken: else a check that time alone would fire could not be told from one that a fault fires.
func (f *falsification) control(ctx context.Context, run *report.Run) error {
	random := rand.New(rand.NewPCG(run.Seed, 0xc0))
	shape, factor := load.Steady, 1.0
	if run.Kind == report.ControlRun {
		shape = load.Shapes()[random.IntN(len(load.Shapes()))]
		factor = 0.5 + random.Float64()
	}
	run.Shape = string(shape)
	observe := f.stage.wall(f.tier.observe)
	if run.Kind == report.ShamRun {
		observe = max(observe, f.slowest()+f.stage.poll)
	}
	return f.live(ctx, run, func(s *subject) error {
		period := f.warmth.limit/2 + observe
		if err := s.drive(ctx, f.stage.experiment.Load, shape, factor, period, run.Seed); err != nil {
			return err
		}
		if err := s.warm(ctx, f.warmth); err != nil {
			return err
		}
		run.Warm = time.Since(s.watch.begun).Seconds()
		known := s.judgeable()
		err := s.until(ctx, observe, func() bool {
			if run.Kind == report.ShamRun {
				// What a fault run asks all the time; the answer, that there is no such order, is of no interest.
				_, _ = s.client.Witness(ctx, "sham")
			}
			return false
		})
		if !errors.Is(err, errLimit) {
			return err
		}
		run.Watched = observe.Seconds()
		for _, c := range s.watch.checks {
			switch id := c.id(); {
			case len(s.watch.fired[id]) > 0:
				run.Outcomes[id] = report.FalseAlarm
			case known[id]:
				run.Outcomes[id] = report.Silent
			default:
				run.Outcomes[id] = report.Unknown
			}
		}
		return nil
	})
}

// judgeable returns the checks that are judged now.
func (s *subject) judgeable() map[string]bool {
	known := make(map[string]bool)
	for _, c := range s.watch.checks {
		if c.State != stability.Unknown {
			known[c.id()] = true
		}
	}
	return known
}

// live starts a service, lets course happen, stops it, and completes the record of the run.
func (f *falsification) live(ctx context.Context, run *report.Run, course func(*subject) error) error {
	begun := time.Now()
	run.Start = begun.Sub(f.report.Started).Seconds()
	defer func() { run.Took = time.Since(begun).Seconds() }()
	s, err := f.stage.start(ctx)
	if err != nil {
		return err
	}
	s.noise = noise.Start()
	err = course(s)
	if !run.Kind.Injects() {
		run.Noise = s.measuredNoise()
	}
	s.noise.Stop()
	run.Lines = s.watch.record()
	run.Load = s.stop()
	if err != nil && !errors.Is(err, errSilent) {
		return fmt.Errorf("%s run %d (seed %d, %s load): %w", run.Kind, run.ID, run.Seed, run.Shape, err)
	}
	if err != nil {
		run.Note = err.Error()
		for id := range f.warmth.known {
			run.Outcomes[id] = report.TimedOut
		}
	}
	f.exclude(run)
	return nil
}

// measuredNoise is what the run's meter has measured so far.
func (s *subject) measuredNoise() report.Noise {
	n := s.noise.Read()
	return report.Noise{P99: n.P99, Max: n.Max}
}

// mostNoise is the delay, in contract time, that a hundredth of all wakes may have: a check that waits for ten seconds must not
// wait for the machine instead.
const mostNoise = 5 * time.Second

// exclude takes a run out of the trials that tells nothing about the checks: the machine was too busy, or, without a fault, the
// service did not bear the load.
func (f *falsification) exclude(run *report.Run) {
	outcome := report.Outcome("")
	switch why := ""; {
	case run.Noise.P99 > f.stage.wall(mostNoise).Seconds():
		outcome = report.Noisy
		run.Note = fmt.Sprintf("the machine was busy with other things: a hundredth of all wakes came %.3g ms too late or more, which is %.3g s of contract time",
			1000*run.Noise.P99, run.Noise.P99/f.cfg.Scale)
	case run.Kind.Injects():
	default:
		if why = unbearable(run.Load); why != "" {
			outcome = report.Overloaded
			run.Note = why + ": the service does not bear this load, so what fired, or did not, says nothing of its checks"
		}
	}
	for id := range run.Outcomes {
		if outcome != "" {
			run.Outcomes[id] = outcome
		}
	}
}

// attack is one life// attack is one life with a fault.
func (f *falsification) attack(ctx context.Context, run *report.Run, t *trial) error {
	run.Shape = string(load.Steady)
	return f.live(ctx, run, func(s *subject) error {
		if err := s.drive(ctx, f.stage.experiment.Load.Merge(t.load), load.Steady, 1, time.Minute, run.Seed); err != nil {
			return err
		}
		if err := s.warm(ctx, f.warmth); err != nil {
			return err
		}
		run.Warm = time.Since(s.watch.begun).Seconds()
		if err := s.until(ctx, s.baselineTime(), func() bool { return false }); !errors.Is(err, errLimit) {
			return err
		}
		a := &attempt{subject: s, run: run, trial: t, began: time.Now(), mutating: f.cfg.Mutate}
		if a.alreadyFiring() {
			return nil
		}
		run.Noise = s.measuredNoise()
		defer f.keepFates(run, a)
		return a.carryOut(ctx)
	})
}

func (f *falsification) keepFates(run *report.Run, a *attempt) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fates == nil {
		f.fates = make(map[int]map[string][]plan.Step)
	}
	f.fates[run.ID] = a.fates
}

// medians is how many independent readings the recovery of a signal is judged by.
const medians = 11

// baselineTime is how long signals are recorded before the fault: a contract minute, or as long as enough polls take.
func (s *subject) baselineTime() time.Duration {
	return max(s.stage.wall(time.Minute), medians*s.stage.poll)
}

// attempt is one injection of a fault and its consequences.
type attempt struct {
	subject  *subject
	run      *report.Run
	trial    *trial
	began    time.Time // of the injection
	effect   time.Time // when the witness first saw it
	injected injection
	crashed  error
	mutating bool                   // detected checks are weakened, to see what notices
	fates    map[string][]plan.Step // of the checks that did not fire
}

// alreadyFiring settles the checks that fire before the fault, or have fired and recovered: what they do after it cannot
// be told from what they would do without it.
func (a *attempt) alreadyFiring() bool {
	all := true
	for id := range a.trial.deadlines {
		if a.subject.watch.state(id) == stability.Violated || len(a.subject.watch.fired[id]) > 0 {
			a.run.Outcomes[id] = report.Firing
		} else {
			all = false
		}
	}
	return all
}

// carryOut injects, waits for the checks, removes the fault and waits for the recovery.
func (a *attempt) carryOut(ctx context.Context) error {
	var err error
	if a.injected, err = a.inject(ctx); err != nil {
		if errors.Is(err, context.Canceled) {
			return err
		}
		a.settle(report.NotInjected, "the fault could not be started: "+err.Error())
		return nil
	}
	defer a.injected.abandon()
	limit := time.Duration(float64(a.subject.stage.wall(a.trial.deadline())) * lateFactor)
	err = a.subject.until(ctx, max(limit, witnessTime), func() bool { return a.witness(ctx) })
	switch {
	case a.died(err):
		a.conclude() // whatever the witness would have said, the death says more
		return nil
	case errors.Is(err, errLimit):
		a.settle(report.NotInjected, "no witness: "+a.run.Witness)
		return nil
	case err != nil:
		return err
	}
	err = a.subject.until(ctx, limit, a.allFired)
	if !a.died(err) && err != nil && !errors.Is(err, errLimit) {
		return err
	}
	a.conclude()
	if a.crashed != nil {
		return nil
	}
	return a.recover(ctx)
}

// witnessTime is the least time that a fault gets to show its effect, by the clock: effects do not hurry with the contract.
const witnessTime = 5 * time.Second

// witness asks whether the fault has taken effect, and remembers the answer.
func (a *attempt) witness(ctx context.Context) bool {
	w, err := a.injected.witness(ctx)
	if err != nil {
		a.run.Witness = err.Error()
		return false
	}
	a.run.Witness = w.Detail
	if w.Active && a.effect.IsZero() {
		a.effect = time.Now()
		a.run.Injected = a.effect.Sub(a.subject.watch.begun).Seconds()
	}
	return w.Active
}

func (a *attempt) died(err error) bool {
	if exit, ok := errors.AsType[*process.ExitError](err); ok {
		a.crashed = exit
		a.run.Note = exit.Error()
		return true
	}
	return false
}

func (a *attempt) allFired() bool {
	for id := range a.trial.deadlines {
		if _, fired := a.subject.watch.firedAfter(id, a.began); !fired && a.run.Outcomes[id] == "" {
			return false
		}
	}
	return true
}

// conclude gives every check its outcome.
func (a *attempt) conclude() {
	if a.effect.IsZero() {
		a.effect = a.began
	}
	for _, c := range a.subject.watch.checks {
		id := c.id()
		at, fired := a.subject.watch.firedAfter(id, a.began)
		deadline, target := a.trial.deadlines[id]
		switch {
		case a.run.Outcomes[id] != "": // settled before the injection
		case !target && fired && !a.trial.expects(c.CheckStatus, id):
			a.run.Outcomes[id] = report.Collateral
		case !target:
			a.run.Outcomes[id] = report.Silent
		case fired:
			took := a.subject.stage.contract(max(at.Sub(a.effect), 0))
			a.run.Detected[id] = took
			a.run.Outcomes[id] = report.Detected
			if took > deadline.Seconds() {
				a.run.Outcomes[id] = report.Late
			} else if a.mutating {
				a.mutate(c)
			}
		case a.crashed != nil:
			a.run.Outcomes[id] = report.CrashedFirst
		case c.State == stability.Unknown:
			a.run.Outcomes[id] = report.Unknown
		default:
			a.run.Outcomes[id] = report.Missed
		}
		if o := a.run.Outcomes[id]; target && (o == report.Missed || o == report.Late || o == report.Unknown) {
			a.tellFate(c)
		}
	}
}

// tellFate keeps what became of the comparisons of a check that did not fire in time.
func (a *attempt) tellFate(c subjectCheck) {
	steps := a.fate(c)
	if a.fates == nil {
		a.fates, a.run.Missed = make(map[string][]plan.Step), make(map[string]string)
	}
	a.fates[c.id()], a.run.Missed[c.id()] = steps, missed(c, steps)
}

// settle gives all checks of the trial the same outcome.
func (a *attempt) settle(outcome report.Outcome, note string) {
	a.run.Note = note
	for id := range a.trial.deadlines {
		if a.run.Outcomes[id] == "" {
			a.run.Outcomes[id] = outcome
		}
	}
}

// signalsOf are the gauges that the trial's checks read, and the difference below which each counts as unchanged.
func (a *attempt) signalsOf() map[signalKey]float64 {
	floors := make(map[signalKey]float64)
	for _, c := range a.subject.watch.checks {
		if _, target := a.trial.deadlines[c.id()]; !target {
			continue
		}
		for _, name := range c.Signals {
			desc, gauge := a.subject.watch.gauge(name)
			if !gauge {
				continue
			}
			for key := range maps.Keys(a.subject.watch.readings) {
				if key.name == name {
					floors[key] = floor(desc)
				}
			}
		}
	}
	return floors
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
