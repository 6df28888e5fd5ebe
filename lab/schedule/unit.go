package schedule

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/falsifiable/stability/lab/schedule/point"
)

// Unit is what was run as one: a package, or a test of it.
type Unit struct {
	Package string        `json:"package"`
	Test    string        `json:"test,omitempty"`
	Runs    int           `json:"runs"`    // schedules
	Plain   int           `json:"plain"`   // runs without perturbation, before them
	Failed  int           `json:"failed"`  // runs whose tests failed
	Crashed int           `json:"crashed"` // runs that ended without a report, by a panic or the like
	Unread  int           `json:"unread"`  // runs whose reports could not be read
	Killed  int           `json:"killed"`  // runs that had to be ended from outside: nothing is known of them
	Slow    int           `json:"slow"`    // runs that were still at work when their time was up
	Left    int           `json:"left"`    // schedules for which there was no time
	Acted   uint64        `json:"acted"`   // points at which something was done
	Reached int           `json:"reached"` // distinct orders of two operations, and distinct sets of blocked goroutines
	Elapsed time.Duration `json:"elapsed"`
	// NotJudged says why nothing is known of the unit, or of a part of it. Empty if all of it was judged.
	NotJudged string `json:"not_judged,omitempty"`
	// Empty is true if its tests end without having tested anything: none is run, or all are skipped.
	Empty bool `json:"empty,omitempty"`
	// Judged is the number of schedules of which something is known.
	Judged int `json:"judged"`
}

// Unknown tells whether nothing is known of a unit that has something to test.
func (u Unit) Unknown() bool { return u.Judged == 0 && u.NotJudged != "" && !u.Empty }

// unit is a binary, or one test of it, while it is run.
type unit struct {
	Unit
	config   *Config
	binary   binary
	tmp      string
	pattern  string // for -test.run
	findings []Finding
	executed int
	patient  bool          // a run has left something at work
	plain    time.Duration // how long a plain run takes, 0 if that is not known
	rng      *rand.Rand
	seed     uint64  // of the last mode's schedule
	kept     []trace // of the runs that reached something new
	tried    map[tried]bool
}

// units splits the binaries into what is run as one.
func (c *Config) units(ctx context.Context, binaries []binary) []*unit {
	var all []*unit
	for _, b := range binaries {
		pattern := c.Run
		if pattern == "" {
			pattern = "."
		}
		tests, err := listTests(ctx, b, pattern, c.env)
		if len(tests) == 0 && err == nil && c.Run != "" {
			continue // none of that name
		}
		if !c.Each || len(tests) == 0 { // what keeps it from listing its tests, the plain run will show
			all = append(all, &unit{Unit: Unit{Package: b.pkg}, config: c, binary: b, pattern: pattern})
			continue
		}
		_, sub, _ := strings.Cut(pattern, "/")
		for _, name := range tests {
			u := &unit{Unit: Unit{Package: b.pkg, Test: name}, config: c, binary: b, pattern: "^" + regexp.QuoteMeta(name) + "$"}
			if sub != "" {
				u.pattern += "/" + sub
			}
			all = append(all, u)
		}
	}
	for i, u := range all {
		u.tmp = filepath.Join(filepath.Dir(u.binary.path), fmt.Sprintf("unit%d", i))
	}
	return all
}

// listTests lists those that match the pattern up to its first slash; what follows is for subtests.
func listTests(ctx context.Context, b binary, pattern, env string) ([]string, error) {
	top, _, _ := strings.Cut(pattern, "/")
	cmd := exec.CommandContext(ctx, b.path, "-test.list="+top)
	cmd.Dir = b.dir
	cmd.Env = append(cmd.Environ(), env)
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var tests []string
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "Test") || strings.HasPrefix(line, "Example") ||
			strings.HasPrefix(line, "Fuzz") {
			tests = append(tests, line)
		}
	}
	return tests, nil
}

// run takes the unit's schedules one after the other, after a plain run, until the time is up.
func (u *unit) run(ctx context.Context, end time.Time) {
	begin := time.Now()
	defer func() { u.Elapsed = time.Since(begin) }()
	if begin.After(end) {
		u.Left = u.config.Runs
		u.conclude()
		return
	}
	u.rng, u.tried = u.config.rng(u.Package+"."+u.Test), map[tried]bool{}
	if u.config.Replay != "" {
		u.runReplay(ctx)
	} else if u.runPlain(ctx, end) {
		u.runSchedules(ctx, end)
	}
	u.conclude()
	// Replays may take as long as the runs did, together.
	enough := time.Now().Add(max(time.Since(begin), replayLeast))
	if end.Before(enough) {
		enough = end
	}
	for i := range u.findings {
		f := &u.findings[i]
		f.Runs, f.PlainRuns = u.Runs, u.Plain
		if u.config.Replay == "" && f.Level != Failed && f.FirstRun > 0 {
			u.replay(ctx, f, enough)
		}
	}
}

func (u *unit) runReplay(ctx context.Context) {
	s, err := parseSchedule(u.config.Replay)
	for i := 0; err == nil && i < u.config.Runs && ctx.Err() == nil && !(u.config.First && u.proven()); i++ {
		u.once(ctx, s)
	}
}

// plainTries is how often tests that fail in a plain run are run so, to tell whether they always do.
const plainTries = 3

// replayLeast is how long the replays of a unit may take in any case.
const replayLeast = 5 * time.Second

// runPlain runs the tests as they are: what go test would fail is failed here, before any schedule is judged. It tells
// whether schedules can be judged.
func (u *unit) runPlain(ctx context.Context, end time.Time) bool {
	for u.Plain < plainTries && ctx.Err() == nil && (u.Plain == 0 || time.Now().Before(end)) {
		begin := time.Now()
		r, err := u.execute(ctx, plainSchedule, true)
		if ctx.Err() != nil {
			return false
		}
		u.Plain++
		if err != nil {
			u.NotJudged = err.Error()
			return false
		}
		if r.trace != nil && r.trace.end == point.Exited {
			u.plain = r.elapsed
		}
		u.add(judge(r, 0, u.config.Timeout), run{u.tmp, u.Plain, true})
		switch {
		case r.killed || r.trace != nil && (r.trace.end == point.AtWork || r.trace.end == point.AtRest):
			u.NotJudged = fmt.Sprintf("a plain run does not end within %v", u.config.Timeout)
			return false
		case u.Plain == 1 && u.ranNothing(r):
			return false
		case !u.fails() || time.Since(begin) > u.config.Timeout/plainTries:
			return true
		}
	}
	return ctx.Err() == nil
}

// fails tells whether the tests fail as they are.
func (u *unit) fails() bool {
	return slices.ContainsFunc(u.findings, func(f Finding) bool { return f.Level == Failed })
}

// ranNothing tells whether a program ended well without having run a test, and says so: it must not look green.
func (u *unit) ranNothing(r result) bool {
	if r.failed || r.trace == nil || r.trace.end != point.Exited || !r.trace.named {
		return false
	}
	tests := len(r.trace.tests)
	u.Empty = r.trace.skipped >= tests
	switch {
	case tests == 0:
		u.NotJudged = "none of its tests was run"
	case u.Empty:
		u.NotJudged = fmt.Sprintf("all of its tests (%d) are skipped", tests)
	}
	return u.Empty
}

func (u *unit) runSchedules(ctx context.Context, end time.Time) {
	reached := map[string]bool{}
	for i := 0; i < u.config.Runs; i++ {
		if ctx.Err() != nil || time.Now().After(end) {
			u.Left = u.config.Runs - i
			return
		}
		t := u.once(ctx, u.next(i))
		if t != nil && u.learn(t, reached) {
			u.kept = append(u.kept, *t)
		}
		if u.config.First && u.proven() {
			return
		}
	}
}

// once takes a schedule, judges it and counts.
func (u *unit) once(ctx context.Context, s schedule) *trace {
	r, err := u.execute(ctx, s, false)
	if ctx.Err() != nil { // it was ended by us
		return nil
	}
	u.Runs++
	if err != nil {
		u.add([]Finding{{Level: Suspect, Text: err.Error(), keys: []string{err.Error()}}}, run{u.tmp, u.Runs, false})
		u.Unread++
		return nil
	}
	if r.failed {
		u.Failed++
	}
	if r.killed {
		u.Killed++
	}
	u.add(judge(r, u.plain, u.config.Timeout), run{u.tmp, u.Runs, false})
	if r.trace == nil {
		if !r.killed {
			u.Crashed++
		}
		if !r.killed && u.plain > 0 {
			u.Judged++ // a plain run does not crash, and that is a finding
		}
		return nil
	}
	u.Acted += r.trace.acted
	if r.trace.end == point.AtWork && !r.outOfTime(u.plain, u.config.Timeout) {
		u.Slow++
	} else {
		u.Judged++
	}
	return r.trace
}

// conclude says what is not known of the unit.
func (u *unit) conclude() {
	switch {
	case u.NotJudged != "":
	case u.Runs == 0 && u.Left > 0:
		u.NotJudged = "there was no time for it"
	case u.Judged < u.Runs:
		var why []string
		for _, w := range []struct {
			n    int
			what string
		}{{u.Crashed, "crashed as a plain run does"}, {u.Slow, fmt.Sprintf("were still at work after %v", u.config.Timeout)}, {u.Killed, "had to be killed"},
			{u.Unread, "left no report that could be read"}} {
			if w.n > 0 {
				why = append(why, fmt.Sprintf("%d %s", w.n, w.what))
			}
		}
		u.NotJudged = fmt.Sprintf("%d of %d schedules: %s", u.Runs-u.Judged, u.Runs, strings.Join(why, ", "))
	case u.Left > 0:
		u.NotJudged = fmt.Sprintf("%d of %d schedules: there was no time for them", u.Left, u.config.Runs)
	}
}

// learn tells whether the run reached something new.
func (u *unit) learn(t *trace, reached map[string]bool) bool {
	before := len(reached)
	for _, what := range t.reached() {
		reached[what] = true
	}
	u.Reached = len(reached)
	return len(reached) > before
}

func (u *unit) add(found []Finding, in run) {
	for _, f := range found {
		f.Package, f.Each, f.shown = u.Package, u.Test != "", map[run]bool{in: true}
		if u.Test != "" {
			f.Tests = []string{u.Test}
		}
		if !in.plain {
			f.FirstRun = u.Runs
		}
		f.count()
		before := len(u.findings)
		u.findings = addFinding(u.findings, f)
		if len(u.findings) > before {
			u.config.Log.Info("found", "level", f.Level, "package", u.Package, "tests", f.Tests, "run", u.Runs, "schedule", f.Schedule)
		}
	}
}

// proven tells whether a schedule has proven something.
func (u *unit) proven() bool {
	for _, f := range u.findings {
		if f.Level != Suspect && f.Level != Failed && f.FirstRun > 0 {
			return true
		}
	}
	return false
}
