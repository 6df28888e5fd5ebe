package falsify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/lab/falsify/build"
	"github.com/falsifiable/stability/lab/falsify/experiment"
	"github.com/falsifiable/stability/lab/falsify/load"
	"github.com/falsifiable/stability/lab/falsify/plan"
	"github.com/falsifiable/stability/lab/falsify/report"
)

// falsification is one Run under way.
type falsification struct {
	cfg    Config
	tier   tier
	stage  *stage
	warmth warmth
	trials []*trial
	// resolver is who planned them, and plans them anew when a pilot run shows that it takes more.
	resolver *resolver
	// subjectChecks are the checks as the service showed them, by id.
	subjectChecks map[string]subjectCheck

	checksOnly bool // the examination is short: nothing will be tried

	mu     sync.Mutex                     // guards what follows
	fates  map[int]map[string][]plan.Step // by run and check: what became of its comparisons
	report *Report
	ids    int
	done   int
	total  int
}

// Run tries to prove every check of a service wrong and reports what came of it. When ctx is done it ends the runs
// under way, removes faults, children and sockets, and returns what it has, with Report.Interrupted set.
//
// An error means that there is no verdict: the service could not be built or run, or there was nothing to falsify.
// [ExitCode] tells them apart.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	cfg, t, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	return run(ctx, cfg, t)
}

func run(ctx context.Context, cfg Config, t tier) (*Report, error) {
	f := &falsification{cfg: cfg, tier: t}
	f.report = &Report{
		Schema: report.Schema, Started: time.Now(), Tier: string(cfg.Tier), Seed: cfg.Seed, Scale: cfg.Scale, Lanes: cfg.Lanes, Plan: t.plan(),
	}
	workDir, err := makeWorkDir()
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(workDir)
	if err := f.prepare(ctx, workDir); err != nil {
		return nil, err
	}
	defer f.stage.close()
	if err := f.examineBearably(ctx); err != nil {
		return nil, err
	}
	if cfg.PlanOnly {
		return f.report, nil
	}
	if cfg.Planned != nil {
		cfg.Planned(f.report)
	}
	err = f.pilots(ctx)
	if err == nil {
		err = f.runAll(ctx)
	}
	if err != nil && ctx.Err() == nil {
		return nil, err
	}
	if ctx.Err() != nil {
		f.report.Interrupted = "interrupted"
		if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
			f.report.Interrupted = cause.Error()
		}
	}
	f.report.Took = time.Since(f.report.Started).Seconds()
	slices.SortFunc(f.report.Runs, func(a, b *report.Run) int { return a.ID - b.ID })
	f.judge()
	f.noteLoad()
	f.noteNoise()
	f.keepLines()
	return f.report, nil
}

// prepare reads the experiment, builds the service and starts what it depends on.
func (f *falsification) prepare(ctx context.Context, workDir string) error {
	e, err := experiment.Find(f.cfg.Dir, f.cfg.Experiment)
	if err != nil {
		return err
	}
	begun := time.Now()
	main, work := e.Place(f.cfg.Dir)
	service, err := build.Build(ctx, main, workDir, build.Options(e.Build))
	if err != nil {
		return err
	}
	if service.WorkDir, err = workingDir(e, work); err != nil {
		return err
	}
	f.report.Build = time.Since(begun).Seconds()
	f.report.Service, f.report.Dir = service.Name, service.Dir
	f.stage, err = openStage(ctx, e, service, f.cfg.Scale, workDir)
	if err != nil {
		f.stage.close()
	}
	return err
}

// workingDir returns the absolute path of the directory in which the service runs.
func workingDir(e *experiment.Experiment, dir string) (string, error) {
	if info, err := os.Stat(dir); e.WorkDir != "" && (err != nil || !info.IsDir()) {
		return "", fmt.Errorf("%w: workdir %s of %s is no directory", ErrUsage, dir, e.Path)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("falsify: %w", err)
	}
	return dir, nil
}

// errOverload is a load that the service does not bear.
var errOverload = errors.New("falsify: the service does not bear the load")

// mostHalvings is how often the load is halved in search of one that the service bears.
const mostHalvings = 5

// examineBearably examines the service under the load of the experiment, or under the first half, quarter and so on of it that
// it bears: under more, checks fire because of the load.
func (f *falsification) examineBearably(ctx context.Context) error {
	l := &f.stage.experiment.Load
	for halved := 0; ; halved++ {
		err := f.examine(ctx)
		if errors.Is(err, errEnded) {
			err = f.examine(ctx) // now one at a time
		}
		if !errors.Is(err, errOverload) || halved == mostHalvings {
			return err
		}
		l.Rate = cmp.Or(l.Rate, defaultRate) / 2
		f.report.Checks, f.report.Notes = nil, nil
		f.note("the load was lowered to %.3g requests per second: %v; set load.rate of %s to what it is to bear", l.Rate, err, experiment.FileName)
	}
}

// examine looks at the service once: which checks it has, how long they take until they can be judged, which faults
// its agent knows. From that it makes the trials.
func (f *falsification) examine(ctx context.Context) error {
	begun := time.Now()
	s, err := f.stage.start(ctx)
	if err != nil {
		return err
	}
	defer s.stop()
	f.report.Go = s.hello.Go
	f.stage.patience = startPatience*time.Since(begun) + leastPatience
	if err := f.findLanes(ctx, s); err != nil {
		return err
	}
	note, err := f.stage.askForMethods(ctx, s)
	if err != nil {
		return err
	}
	if note != "" {
		f.note("%s", note)
	}
	if err := s.drive(ctx, f.stage.experiment.Load, "steady", 1, time.Minute, f.cfg.Seed); err != nil {
		return err
	}
	s.watch.everything = newSurvey()
	limit := max(f.stage.wall(learnLimit), 5*time.Second)
	err = s.until(ctx, limit, func() bool {
		if len(s.watch.checks) == 0 {
			return time.Since(s.watch.begun) > 5*time.Second
		}
		return len(s.judgeable()) == len(s.watch.checks)
	})
	if err != nil && !errors.Is(err, errLimit) {
		return err
	}
	took := time.Since(s.watch.begun)
	f.warmth = warmth{limit: 3*took + time.Second, known: s.judgeable()}
	if err := f.list(s); err != nil {
		return err
	}
	settled := time.Now()
	if f.checksOnly { // it says what would prove a check, as far as a short look tells
		if err := f.plan(s, s.hello.Faults, f.world(s.watch, s.watch.begun)); !errors.Is(err, ErrNoFault) {
			return err
		}
		return nil
	}
	before := s.live.Met()
	if err := s.until(ctx, max(f.stage.wall(time.Minute), surveyTime), func() bool { return false }); !errors.Is(err, errLimit) {
		return err
	}
	if err := f.loadIsAnswered(s, before); err != nil {
		return err
	}
	return f.plan(s, s.hello.Faults, f.world(s.watch, settled))
}

// surveyTime is the least time, by the clock, for which the signals are read before the trials are planned.
const surveyTime = 2 * time.Second

// loadIsAnswered refuses to judge a service that the load does not reach: checks that stay silent in front of a closed
// door prove nothing.
func (f *falsification) loadIsAnswered(s *subject, before load.Summary) error {
	met := s.live.Met()
	if float64(met.Pending) > mostPending*float64(met.Pending+met.Sent) && met.Pending > leastSent {
		return fmt.Errorf("%w: of %d requests %d still wait for an answer", errOverload, met.Pending+met.Sent, met.Pending)
	}
	if met.Sent < leastSent && (met.Sent == 0 || met.Answered > 0) {
		return nil
	}
	if met.Answered > 0 {
		recent := met.Less(before)
		if why := unbearable(loadOf(recent)); why != "" {
			return fmt.Errorf("%w: %s", errOverload, why)
		}
		return nil
	}
	what := met.Error
	for status, n := range met.Statuses {
		what = fmt.Sprintf("%d times status %s", n, status)
	}
	return fmt.Errorf("%w: of %d requests to http://%s the service answered none below 500: %s. Name what it serves in load.targets of %s, where it listens in "+
		"address_env, what it needs in env and dependencies", ErrNoLoad, met.Sent, s.process.Address, what, experiment.FileName)
}

// leastSent is how many requests tell that none will be answered.
const leastSent = 10

// list makes the report's checks.
func (f *falsification) list(s *subject) error {
	switch {
	case len(s.watch.seen) == 0:
		return fmt.Errorf("%w: nothing shows up on its fault agent; call auto.Start, or Start on the monitor that has the contract", ErrNoMonitor)
	case len(s.watch.checks) == 0:
		return fmt.Errorf("%w: its monitor watches nothing; call stability.RegisterContract", ErrNoContract)
	}
	if got := s.watch.scale; got != 0 && got != f.cfg.Scale || got == 0 && f.cfg.Scale != 1 {
		return fmt.Errorf("falsify: the service's monitor runs its times at %g of their length instead of %g: it was made before the "+
			"main package was initialized; make it, or Configure it, in main", got, f.cfg.Scale)
	}
	at := locate(f.stage.service.Sources, f.stage.service.Dir)
	f.subjectChecks = make(map[string]subjectCheck)
	for _, c := range s.watch.checks {
		f.subjectChecks[c.id()] = c
		f.report.Checks = append(f.report.Checks, &report.Check{
			Contract: c.contract, Name: c.Name, Expr: c.Expr, Cause: c.Cause, Hash: c.Hash, Signals: c.Signals, Warnings: c.Warnings,
			Position: at.of(c.contract, c.Name),
		})
		if !f.warmth.known[c.id()] {
			f.note("%s cannot be judged within %v of contract time: %s", c.id(), learnLimit, c.Reason)
		}
	}
	return nil
}

// plan finds the trials and writes them into the report.
func (f *falsification) plan(s *subject, faults []fault.Fault, world plan.World) error {
	r := &resolver{experiment: f.stage.experiment, faults: faults, causes: f.cfg.Causes, world: world}
	if err := r.resolve(s.watch.checks); err != nil {
		return err
	}
	for _, n := range r.notes {
		f.note("%s", n)
	}
	for id, reason := range r.untested {
		f.report.Check(id).Untested = reason
	}
	f.resolver, f.trials = r, r.trials
	if f.cfg.Only != "" {
		var err error
		if f.trials, err = only(r.trials, f.cfg.Only); err != nil {
			return err
		}
		r.trials = f.trials
		f.report.Plan.Controls, f.report.Plan.Shams = 0, 0
		f.note("only %s was tried: without control runs nothing is proven", f.cfg.Only)
	}
	f.listFaults()
	return nil
}

// listFaults writes the trials as they are now into the report.
func (f *falsification) listFaults() {
	f.report.Faults = nil
	for _, t := range f.trials {
		first := t.parts[0]
		listed := &report.Fault{
			ID: t.id, Name: first.fault.Name, Dependency: first.place.dependency, Title: first.fault.Title, Params: maps.Clone(first.params),
			Deadline: t.deadline().Seconds(), Heavy: t.alone,
		}
		for _, p := range t.parts[1:] {
			listed.With = append(listed.With, report.Part{Name: p.fault.Name, Dependency: p.place.dependency, Title: p.fault.Title, Params: maps.Clone(p.params)})
		}
		f.report.Faults = append(f.report.Faults, listed)
		for id := range t.deadlines {
			c := f.report.Check(id)
			c.Fault, c.Trial = t.id, t.tell(id)
		}
	}
}

// tell says how a check is tried, for the report.
func (t *trial) tell(id string) *report.Trial {
	told := &report.Trial{Found: t.origin.String()}
	if p, planned := t.plans[id]; planned {
		told.Fires, told.Spoken, told.Why = p.Fires.Seconds(), p.Spoken, p.Why
		for _, s := range p.Steps {
			told.Steps = append(told.Steps, s.String())
		}
	}
	return told
}

func (f *falsification) note(format string, args ...any) {
	f.report.Notes = append(f.report.Notes, fmt.Sprintf(format, args...))
}

// goodShare is the share of requests without a fault below which the load itself is in doubt.
const goodShare = 0.9

// noteLoad warns when the service did not take the load: checks that stay silent in front of closed doors prove little.
func (f *falsification) noteLoad() {
	sent, answered, refused := 0, 0, 0
	for _, run := range f.report.Runs {
		if run.Kind.Injects() {
			continue
		}
		sent += run.Load.Sent
		answered += run.Load.Answered
		for status, n := range run.Load.Statuses {
			if status[0] == '4' {
				refused += n
			}
		}
	}
	switch {
	case sent == 0:
	case float64(answered) < goodShare*float64(sent):
		f.note("without a fault the service answered %d of %d requests only", answered, sent)
	case float64(refused) > goodShare*float64(sent):
		f.note("the service refused %d of %d requests with a status of 400 to 499: name what it serves in load.targets of %s", refused, sent, experiment.FileName)
	}
}

// newRun makes the record of a run that is about to begin. Its seed depends on what it is and not on when it comes,
// so that a part of the runs can be done again.
func (f *falsification) newRun(kind report.Kind, faultID string, index int) *report.Run {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ids++
	return &report.Run{
		ID: f.ids, Kind: kind, Fault: faultID, Seed: mix(f.cfg.Seed, string(kind), faultID, index),
		Outcomes: make(map[string]report.Outcome), Detected: make(map[string]float64),
	}
}

// keepLines drops all recorded lines but those worth a picture: the first control run, the first run of each fault,
// and up to three of each way in which a check failed.
func (f *falsification) keepLines() {
	shown := make(map[string]int)
	for _, run := range f.report.Runs {
		keep := false
		mark := func(key string, most int) {
			if shown[key]++; shown[key] <= most {
				keep = true
			}
		}
		mark(string(run.Kind)+run.Fault, 1)
		for id, o := range run.Outcomes {
			switch o {
			case report.Detected, report.Silent, report.Canceled:
			default:
				mark(id+run.Fault+string(o), 3)
			}
		}
		if !keep {
			run.Lines = nil
		}
	}
}
