package falsify

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/falsifiable/stability/lab/falsify/report"
	"github.com/falsifiable/stability/lab/falsify/stats"
)

// job is one run to be done.
type job struct {
	kind  report.Kind
	trial *trial // of a fault run
	index int
}

func (j job) alone() bool { return j.trial != nil && j.trial.alone }

// mix derives the seed of a part from the seed of the whole.
func mix(seed uint64, parts ...any) uint64 {
	h := fnv.New64a()
	fmt.Fprint(h, seed)
	for _, p := range parts {
		fmt.Fprint(h, "/", p)
	}
	return h.Sum64() >> 11 // 53 bits: JSON readers that keep numbers as float64, such as browsers, read a larger one wrongly
}

// jobs returns the planned runs in an order drawn from the seed: control, sham and fault runs interleave, so that
// whatever drifts on the machine meets all of them. Runs that need the machine to themselves are drawn together
// into a few blocks, for each switch leaves lanes idle.
func (f *falsification) jobs() [][]job {
	var light, heavy []job
	add := func(n int, kind report.Kind, t *trial) {
		for i := range n {
			if j := (job{kind, t, i}); j.alone() {
				heavy = append(heavy, j)
			} else {
				light = append(light, j)
			}
		}
	}
	add(f.report.Plan.Controls, report.ControlRun, nil)
	add(f.report.Plan.Shams, report.ShamRun, nil)
	for _, t := range f.trials {
		add(f.report.Plan.Hits, report.FaultRun, t)
	}
	random := rand.New(rand.NewPCG(f.cfg.Seed, 0x0de7))
	for _, part := range [][]job{light, heavy} {
		random.Shuffle(len(part), func(i, j int) { part[i], part[j] = part[j], part[i] })
	}
	const blocks = 3
	var order [][]job
	for i := range blocks {
		order = append(order, light[i*len(light)/blocks:(i+1)*len(light)/blocks], heavy[i*len(heavy)/blocks:(i+1)*len(heavy)/blocks])
	}
	return order
}

// runAll does the planned runs, then as many more of each fault as its sequential test asks for, and then anew the shams that
// came before it was known how long detection takes.
func (f *falsification) runAll(ctx context.Context) error {
	order := f.jobs()
	for _, block := range order {
		f.total += len(block)
	}
	for _, block := range order {
		if err := f.runBlock(ctx, block); err != nil {
			return err
		}
	}
	for {
		var more, alone []job
		for _, t := range f.trials {
			if n := f.attempts(t); n < f.report.Plan.Trials && !f.decided(t) {
				j := job{report.FaultRun, t, n}
				if j.alone() {
					alone = append(alone, j)
				} else {
					more = append(more, j)
				}
			}
		}
		if len(more)+len(alone) == 0 {
			return errors.Join(f.runBlock(ctx, f.again()), f.runBlock(ctx, f.longerShams()))
		}
		f.total += len(more) + len(alone)
		if err := errors.Join(f.runBlock(ctx, more), f.runBlock(ctx, alone)); err != nil {
			return err
		}
	}
}

// again are the runs without a fault that the machine's noise has spoilt, once more. Of fault runs as many more are
// done as it takes anyway.
func (f *falsification) again() (jobs []job) {
	count := make(map[report.Kind]int)
	for _, run := range f.report.Runs {
		count[run.Kind]++
	}
	for _, run := range f.report.Runs {
		if !run.Kind.Injects() && slices.Contains(slices.Collect(maps.Values(run.Outcomes)), report.Noisy) {
			jobs = append(jobs, job{kind: run.Kind, index: count[run.Kind]})
			count[run.Kind]++
		}
	}
	f.total += len(jobs)
	return jobs
}

// longerShams returns further sham runs, so that enough of them last as long as the slowest trial: a verdict asks for half of the
// planned shams, and one more is made in case one is lost.
func (f *falsification) longerShams() (jobs []job) {
	if f.report.Plan.Shams == 0 {
		return nil
	}
	slowest := f.slowest().Seconds()
	shams, long := 0, 0
	for _, run := range f.report.Runs {
		if run.Kind == report.ShamRun {
			shams++
			if run.Watched >= slowest {
				long++
			}
		}
	}
	for i := range f.report.Plan.Shams/2 + 1 - long {
		jobs = append(jobs, job{kind: report.ShamRun, index: shams + i})
	}
	f.total += len(jobs)
	return jobs
}

// slowest is the longest time, by the clock, from when the checks could be judged to when one detected its fault.
func (f *falsification) slowest() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	longest := 0.0
	for _, c := range f.report.Checks {
		longest = max(longest, f.slowestOf(c.ID()))
	}
	return time.Duration(longest * float64(time.Second))
}

// slowestOf is that of one check, in seconds.
func (f *falsification) slowestOf(id string) (longest float64) {
	for _, run := range f.report.Runs {
		if run.Kind == report.FaultRun && run.Outcomes[id] == report.Detected {
			longest = max(longest, run.Injected-run.Warm+run.Detected[id]*f.cfg.Scale)
		}
	}
	return longest
}

// runBlock does some runs, side by side unless they need the machine to themselves. The first error ends all.
func (f *falsification) runBlock(ctx context.Context, block []job) error {
	if len(block) == 0 {
		return nil
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	lanes := f.report.Lanes
	if block[0].alone() {
		lanes = 1
	}
	queue := make(chan job)
	var workers sync.WaitGroup
	for range min(lanes, len(block)) {
		workers.Go(func() {
			for j := range queue {
				if err := f.do(ctx, j); err != nil {
					fail(err)
				}
			}
		})
	}
	for _, j := range block {
		if ctx.Err() != nil {
			break
		}
		queue <- j
	}
	close(queue)
	workers.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return nil
}

// do does one run and records it. A run that can decide nothing any more is left out.
func (f *falsification) do(ctx context.Context, j job) error {
	if ctx.Err() != nil {
		return nil
	}
	if f.pointless(j) {
		f.record(nil)
		return nil
	}
	id := ""
	if j.trial != nil {
		id = j.trial.id
	}
	run := f.newRun(j.kind, id, j.index)
	var err error
	if j.trial != nil {
		err = f.attack(ctx, run, j.trial)
	} else {
		err = f.control(ctx, run)
	}
	switch {
	case ctx.Err() != nil:
		clear(run.Outcomes)
		run.Note = "ended from outside"
	case err != nil:
		return err
	}
	f.record(run)
	return nil
}

// pointless reports whether a run can no longer change a verdict: a contract that is refuted is not tried for hours.
func (f *falsification) pointless(j job) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch j.kind {
	case report.PilotRun:
		return false
	case report.FaultRun:
		return f.decidedLocked(j.trial) && f.attemptsLocked(j.trial) > 0
	}
	for _, c := range f.report.Checks {
		if falseAlarms, _ := f.alarms(c.ID(), report.ControlRun); falseAlarms <= f.report.Plan.AllowedFalseAlarms {
			return false
		}
	}
	return true
}

func (f *falsification) record(run *report.Run) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done++
	if run != nil { // until now it was its lane's own
		f.report.Runs = append(f.report.Runs, run)
	}
	if f.cfg.Progress != nil {
		f.cfg.Progress(Progress{Done: f.done, Total: f.total, Run: run, Elapsed: time.Since(f.report.Started)})
	}
}

func (f *falsification) attempts(t *trial) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.attemptsLocked(t)
}

func (f *falsification) attemptsLocked(t *trial) (n int) {
	for _, run := range f.report.Runs {
		if run.Fault == t.id && run.Kind == report.FaultRun {
			n++
		}
	}
	return n
}

func (f *falsification) decided(t *trial) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.decidedLocked(t)
}

// decidedLocked reports whether the sequential test of every check of the trial has ended.
func (f *falsification) decidedLocked(t *trial) bool {
	for id := range t.deadlines {
		hits, trials := f.detections(id, t.id)
		if f.tier.test.Decide(hits, trials-hits) == stats.Undecided {
			return false
		}
	}
	return true
}
