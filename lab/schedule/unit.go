package schedule

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// unit is a binary, or one test of it, while it is run.
type unit struct {
	Unit
	config   *Config
	binary   binary
	tmp      string
	pattern  string // for -test.run
	findings []Finding
	replays  int
	plain    *bool // whether a plain run fails, once known
	rng      *rand.Rand
	seed     uint64  // of the last mode's schedule
	kept     []trace // of the runs that reached something new
	tried    map[tried]bool
}

// units splits the binaries into what is run as one.
func (c *Config) units(ctx context.Context, binaries []binary) ([]*unit, error) {
	var all []*unit
	for _, b := range binaries {
		pattern := c.Run
		if pattern == "" {
			pattern = "."
		}
		tests, err := listTests(ctx, b, pattern)
		if err != nil {
			return nil, err
		}
		if len(tests) == 0 {
			continue
		}
		if !c.Each {
			all = append(all, &unit{Unit: Unit{Package: b.pkg}, config: c, binary: b, pattern: pattern})
			continue
		}
		for _, name := range tests {
			all = append(all, &unit{Unit: Unit{Package: b.pkg, Test: name}, config: c, binary: b,
				pattern: "^" + regexp.QuoteMeta(name) + "$"})
		}
	}
	for i, u := range all {
		u.tmp = filepath.Join(filepath.Dir(u.binary.path), fmt.Sprintf("unit%d", i))
	}
	return all, nil
}

func listTests(ctx context.Context, b binary, pattern string) ([]string, error) {
	cmd := exec.CommandContext(ctx, b.path, "-test.list="+pattern)
	cmd.Dir = b.dir
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("schedule: listing the tests of %s: %w", b.pkg, err)
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

// run takes the unit's schedules one after the other.
func (u *unit) run(ctx context.Context) {
	begin := time.Now()
	u.rng, u.tried = u.config.rng(u.Package+"."+u.Test), map[tried]bool{}
	reached := map[string]bool{}
	for i := 0; i < u.config.Runs && ctx.Err() == nil; i++ {
		s := u.next(i)
		if u.config.Replay != "" {
			var err error
			if s, err = parseSchedule(u.config.Replay); err != nil {
				u.note(err)
				break
			}
		}
		r, err := u.once(ctx, s)
		if err != nil {
			u.note(err)
			continue
		}
		u.add(judge(r, r.failed && u.failsPlain(ctx)))
		if r.trace != nil && u.learn(r.trace, reached) {
			u.kept = append(u.kept, *r.trace)
		}
		if u.config.First && u.proven() {
			break
		}
	}
	for i := range u.findings {
		u.findings[i].Runs = u.Runs
		if u.config.Replay == "" {
			u.replay(ctx, &u.findings[i])
		}
	}
	u.Elapsed = time.Since(begin)
}

// failsPlain tells whether the tests fail unperturbed too. It is asked only when they failed.
func (u *unit) failsPlain(ctx context.Context) bool {
	if u.plain == nil {
		r, err := u.once(ctx, schedule{mode: "off", procs: 2})
		fails := err != nil || r.failed
		u.plain = &fails
	}
	return *u.plain
}

// once executes and counts.
func (u *unit) once(ctx context.Context, s schedule) (result, error) {
	r, err := u.execute(ctx, s, u.Runs)
	u.Runs++
	if r.failed {
		u.Failed++
	}
	if r.killed {
		u.Killed++
	}
	if r.trace != nil {
		u.Acted += r.trace.acted
		if r.trace.reason == reasonSlow {
			u.Slow++
		}
	}
	return r, err
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

func (u *unit) add(found []Finding) {
	for _, f := range found {
		f.Package, f.Test, f.Seen, f.FirstRun = u.Package, u.Test, 1, u.Runs
		f.setKey()
		if i := u.index(f.key); i >= 0 {
			u.findings[i].Seen++
			continue
		}
		u.config.Log.Info("found", "level", f.Level, "package", u.Package, "test", u.Test, "run", u.Runs,
			"schedule", f.Schedule)
		u.findings = append(u.findings, f)
	}
}

func (u *unit) index(key string) int {
	for i := range u.findings {
		if u.findings[i].key == key {
			return i
		}
	}
	return -1
}

func (u *unit) proven() bool {
	for _, f := range u.findings {
		if f.Level != Suspect {
			return true
		}
	}
	return false
}

// note keeps an error of the tool as a finding, so that a run which could not be judged does not pass for clean.
func (u *unit) note(err error) {
	u.add([]Finding{{Level: Suspect, Text: err.Error()}})
}
