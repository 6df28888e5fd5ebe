package falsify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/lab/falsify/build"
	"github.com/falsifiable/stability/lab/falsify/experiment"
	"github.com/falsifiable/stability/lab/falsify/report"
)

// falsification is one Run under way.
type falsification struct {
	cfg    Config
	tier   tier
	stage  *stage
	warmth warmth
	trials []*trial

	mu     sync.Mutex // guards what follows
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
	if err := f.examine(ctx); err != nil {
		return nil, err
	}
	if cfg.Planned != nil {
		cfg.Planned(f.report)
	}
	if err := f.runAll(ctx); err != nil && ctx.Err() == nil {
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
	f.keepLines()
	return f.report, nil
}

// makeWorkDir returns a directory that is short enough for the sockets in it: their paths have about a hundred bytes.
func makeWorkDir() (string, error) {
	const room = 60
	parent := os.TempDir()
	if len(parent) > room {
		parent = "/tmp"
	}
	dir, err := os.MkdirTemp(parent, "falsify-")
	if err != nil {
		return "", fmt.Errorf("falsify: %w", err)
	}
	return dir, nil
}

// prepare reads the experiment, builds the service and starts what it depends on.
func (f *falsification) prepare(ctx context.Context, workDir string) error {
	e, err := experiment.Find(f.cfg.Dir, f.cfg.Experiment)
	if err != nil {
		return err
	}
	begun := time.Now()
	service, err := build.Build(ctx, f.cfg.Dir, workDir)
	if err != nil {
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

// examine looks at the service once: which checks it has, how long they take until they can be judged, which faults
// its agent knows. From that it makes the trials.
func (f *falsification) examine(ctx context.Context) error {
	s, err := f.stage.start(ctx)
	if err != nil {
		return err
	}
	defer s.stop()
	f.report.Go = s.hello.Go
	if s.process.Moved && f.report.Lanes > 1 {
		f.report.Lanes = 1
		f.note("the service listens on %s whatever it is told, so that only one can run at a time; see address_env in %s", s.process.Address, experiment.FileName)
	}
	if err := s.drive(ctx, f.stage.experiment.Load, "steady", 1, time.Minute, f.cfg.Seed); err != nil {
		return err
	}
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
	return f.plan(s, s.hello.Faults)
}

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
	positions := locate(f.stage.service.Sources, f.stage.service.Dir)
	for _, c := range s.watch.checks {
		f.report.Checks = append(f.report.Checks, &report.Check{
			Contract: c.contract, Name: c.Name, Expr: c.Expr, Cause: c.Cause, Hash: c.Hash, Signals: c.Signals, Warnings: c.Warnings,
			Position: positions[c.Name],
		})
		if !f.warmth.known[c.id()] {
			f.note("%s cannot be judged within %v of contract time: %s", c.id(), learnLimit, c.Reason)
		}
	}
	return nil
}

// plan finds the trials and writes them into the report.
func (f *falsification) plan(s *subject, faults []fault.Fault) error {
	r := &resolver{experiment: f.stage.experiment, faults: faults, causes: f.cfg.Causes}
	if err := r.resolve(s.watch.checks); err != nil {
		return err
	}
	for _, n := range r.notes {
		f.note("%s", n)
	}
	f.trials = r.trials
	if f.cfg.Only != "" {
		var err error
		if f.trials, err = only(r.trials, f.cfg.Only); err != nil {
			return err
		}
		f.report.Plan.Controls, f.report.Plan.Shams = 0, 0
		f.note("only %s was tried: without control runs nothing is proven", f.cfg.Only)
	}
	for _, t := range f.trials {
		f.report.Faults = append(f.report.Faults, &report.Fault{
			ID: t.id, Name: t.fault.Name, Dependency: t.dependency, Title: t.fault.Title, Params: maps.Clone(t.params),
			Deadline: t.deadline().Seconds(), Heavy: t.alone,
		})
		for id := range t.deadlines {
			f.report.Check(id).Fault = t.id
		}
	}
	return nil
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
		if run.Kind == report.FaultRun {
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
			case report.Killed, report.Silent, report.Canceled:
			default:
				mark(id+run.Fault+string(o), 3)
			}
		}
		if !keep {
			run.Lines = nil
		}
	}
}
