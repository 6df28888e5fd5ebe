// Package schedule runs a project's own tests against adversarial schedules and judges each run by proof.
//
// The tests are built by `go test -c` with an overlay (folder patch) that lays points of perturbation before the
// operations at which goroutines meet: channels, selects, locks, wait groups, conditions and go statements. What a
// point does is decided from a seed, the goroutine's logical id and the number of its operation, so a schedule can
// be taken again. Neither the project's code nor GOROOT is written to.
//
// A run is judged by what is left when it has come to rest. Findings have levels which are never mixed:
//
//	PROVEN-LEAK  the garbage collector found that nothing alive can ever wake the goroutine
//	DEADLOCK     every goroutine is blocked, and no timer, I/O or system call is left to wake one
//	RACE         the race detector's report
//	CYCLE        goroutines that are still reachable wait for each other in a circle of locks
//	HUNG         a run did not end in its time, at rest or long after a plain run does
//	FAILED       the tests fail in a plain run, as they would under go test
//	CRASHED      the program panics or exits under a schedule, not in a plain run
//	SUSPECT      blocked and still reachable, still at work after the tests, or a test that fails under a schedule only
//
// All but the last are facts about the run. A SUSPECT is a guess and fails nothing unless asked to.
package schedule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/falsifiable/stability/lab/internal/private"
	"github.com/falsifiable/stability/lab/schedule/rewrite"
)

// Config says what to test and how hard. The zero value tests the package in the current folder.
type Config struct {
	// Dir is where the go command runs. Defaults to the current folder.
	Dir string
	// Packages are patterns as for go test. Defaults to ".".
	Packages []string
	// Run is a regular expression of the tests to run, as for go test -run. Defaults to all.
	Run string
	// Each runs every test in a process of its own: slower, and findings name their test.
	Each bool
	// Runs is the number of schedules for each package (for each test, with Each), after a plain run. Defaults to 10.
	Runs int
	// Seed makes all decisions. Defaults to 1.
	Seed uint64
	// First ends a package (or test) at its first proven finding.
	First bool
	// Replays is how often a finding's schedule is taken again to measure its rate. Defaults to 5; negative for never.
	Replays int
	// Minimize is the number of runs to spend on each proven finding to find the fewest points that still show it.
	// Defaults to 0: none.
	Minimize int
	// Replay, if set, is a schedule from a report: only that one is taken, Runs times.
	Replay string
	// Rewrite puts the points into the project's own source rather than the runtime (package rewrite), as is done by
	// itself with a toolchain that the patches of the runtime do not fit.
	Rewrite bool
	// Race builds with the race detector.
	Race bool
	// BuildFlags are passed to go test -c (-tags, -mod, ...), TestFlags to the test binary (-test.short, ...).
	BuildFlags, TestFlags []string
	// Timeout bounds one run. Defaults to one minute.
	Timeout time.Duration
	// Limit bounds all runs together; the report says what there was no time for. Builds are not counted. Defaults to
	// ten minutes.
	Limit time.Duration
	// Workers is the number of runs at the same time. Defaults to half of the CPUs, at least 1.
	Workers int
	// Cache is where overlays are kept, a folder of this user's that is made unreadable to others. Defaults to
	// stability/schedule below os.UserCacheDir; without such a place nothing is kept.
	Cache string
	// Log receives progress. Defaults to none.
	Log *slog.Logger

	env string // by which the processes of this run are known, should it be killed
}

// ErrNothing is returned when there was nothing to test: a run that tests nothing must not look like a success.
var ErrNothing = errors.New("no package has a test to run")

// Report is what Run found.
type Report struct {
	GoVersion string   `json:"go_version"`
	Seed      uint64   `json:"seed"`
	Warnings  []string `json:"warnings,omitempty"`
	// Rewritten is true if the points were in the project's source. A schedule can only be replayed with points of the
	// same kind.
	Rewritten bool `json:"rewritten,omitempty"`
	// Dir, Race, BuildFlags and TestFlags are Config's: a replay of a schedule needs the same ones.
	Dir        string    `json:"dir,omitempty"`
	Race       bool      `json:"race,omitempty"`
	BuildFlags []string  `json:"build_flags,omitempty"`
	TestFlags  []string  `json:"test_flags,omitempty"`
	Units      []Unit    `json:"units"`
	Findings   []Finding `json:"findings"`
}

// Unknown tells whether there is a unit of which nothing is known.
func (r *Report) Unknown() bool { return slices.ContainsFunc(r.Units, Unit.Unknown) }

// Proven returns the findings above SUSPECT.
func (r *Report) Proven() (proven []Finding) {
	for _, f := range r.Findings {
		if f.Level != Suspect {
			proven = append(proven, f)
		}
	}
	return proven
}

// Run tests. The error is about the tool or the build; what the tests did is in the report, which comes with an error
// too where some packages could be tested and others could not be built. It can be called concurrently.
func Run(ctx context.Context, c Config) (*Report, error) {
	c.setDefaults()
	if c.Replay != "" {
		if _, err := parseSchedule(c.Replay); err != nil {
			return nil, err
		}
	}
	tmp, err := private.MakeTemp("stability-schedule-")
	if err != nil {
		return nil, fmt.Errorf("schedule: %w", err)
	}
	defer tmp.Close()
	c.env = tmp.Env()
	cacheless := c.findCache(tmp.Dir)
	b, err := newBuilder(ctx, c, tmp.Dir)
	if err != nil {
		return nil, err
	}
	if cacheless != nil {
		b.warnings = append(b.warnings, fmt.Sprintf("overlays are not kept: %v", cacheless))
	}
	binaries, failed := b.build(ctx)
	report := &Report{
		GoVersion: b.goVersion, Seed: c.Seed, Warnings: b.warnings, Rewritten: b.overlay.hook == rewrite.Hook,
		Dir: c.Dir, Race: c.Race, BuildFlags: c.BuildFlags, TestFlags: c.TestFlags,
	}
	if len(binaries) == 0 && failed != nil {
		return nil, failed
	}
	units := c.units(ctx, binaries)
	if len(units) == 0 {
		return nil, fmt.Errorf("schedule: testing %v: %w", c.Packages, ErrNothing)
	}
	c.runAll(ctx, units, report)
	err = errors.Join(failed, ctx.Err())
	if !slices.ContainsFunc(report.Units, func(u Unit) bool { return !u.Empty }) {
		err = errors.Join(err, fmt.Errorf("schedule: testing %v: %w", c.Packages, ErrNothing))
	}
	return report, err
}

func (c *Config) setDefaults() {
	if len(c.Packages) == 0 {
		c.Packages = []string{"."}
	}
	if c.Runs <= 0 {
		c.Runs = 10
	}
	if c.Seed == 0 {
		c.Seed = 1
	}
	if c.Replays == 0 {
		c.Replays = 5
	}
	if c.Timeout <= 0 {
		c.Timeout = time.Minute
	}
	if c.Limit <= 0 {
		c.Limit = 10 * time.Minute
	}
	if c.Workers <= 0 {
		c.Workers = max(runtime.NumCPU()/2, 1)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// findCache sees to it that the cache is one that nobody else can write to: what is in it is built and run. Otherwise the
// run's own folder takes its place, and the error says why.
func (c *Config) findCache(tmp string) (err error) {
	if c.Cache == "" {
		c.Cache, err = private.Cache("schedule")
	} else if err = os.MkdirAll(c.Cache, 0o700); err == nil {
		err = private.Own(c.Cache)
	}
	if err != nil {
		c.Cache = filepath.Join(tmp, "cache")
		return err
	}
	private.Prune(c.Cache, cacheAge, cacheSize)
	return nil
}

const (
	cacheAge  = 30 * 24 * time.Hour // an overlay that nobody has used for so long is removed
	cacheSize = 16                  // and so are all but the last ones: each Go version has one or two
)

// runAll runs the units by the workers and gathers what they find. Each unit gets an equal share of the time that is left
// when it begins.
func (c *Config) runAll(ctx context.Context, units []*unit, report *Report) {
	end := time.Now().Add(c.Limit)
	work := make(chan func())
	var wg sync.WaitGroup
	for range c.Workers {
		wg.Go(func() {
			for do := range work {
				do()
			}
		})
	}
	for i, u := range units {
		turns := (len(units) - i + c.Workers - 1) / c.Workers
		work <- func() { u.run(ctx, time.Now().Add(time.Until(end)/time.Duration(turns))) }
	}
	close(work)
	wg.Wait()
	for _, u := range units {
		report.Units = append(report.Units, u.Unit)
		report.Findings = append(report.Findings, u.findings...)
	}
	report.Findings = merge(report.Findings)
}

// rng returns a source of decisions for one unit, so that units do not depend on each other's order.
func (c *Config) rng(name string) *rand.Rand {
	h := uint64(14695981039346656037)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return rand.New(rand.NewPCG(c.Seed, h))
}
