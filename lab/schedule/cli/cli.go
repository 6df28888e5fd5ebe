// Package cli is the command `stability test`.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/falsifiable/stability/lab/schedule"
	"github.com/falsifiable/stability/lab/schedule/report"
)

// Exit codes of Main.
const (
	ExitClean = 0 // no proven finding (and none at all with -strict)
	ExitFound = 1
	ExitUsage = 2
	ExitError = 3 // a package could not be built, run or judged, so nothing is known of it
)

const usage = `usage: stability test [flags] [packages]

Runs the packages' own tests under adversarial schedules and reports leaks and deadlocks that are proven by the
garbage collector, not guessed from a count. Nothing of the project is changed.

Flags after -- go to the test binary, such as -- -test.short.

`

// Main runs the command with the arguments after "test" and returns the exit code.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c schedule.Config
	var out outputs
	flags := newFlags(&c, &out, stderr)
	args, c.TestFlags = splitFlags(args)
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return ExitClean
		}
		return ExitUsage
	}
	c.Packages = flags.Args()
	if out.tags != "" {
		c.BuildFlags = append(c.BuildFlags, "-tags="+out.tags)
	}
	c.BuildFlags = append(c.BuildFlags, strings.Fields(out.build)...)
	if !out.quiet {
		c.Log = slog.New(slog.NewTextHandler(stderr, nil))
	}
	r, err := schedule.Run(ctx, c)
	if r != nil {
		err = errors.Join(err, out.write(r, stdout))
	}
	if err != nil {
		fmt.Fprintf(stderr, "stability test: %v\n", err)
		return ExitError
	}
	if len(r.Proven()) > 0 || out.strict && len(r.Findings) > 0 {
		return ExitFound
	}
	if r.Unknown() {
		return ExitError
	}
	return ExitClean
}

// outputs are the flags that are not for schedule.Run.
type outputs struct {
	json          bool
	junit, sarif  string
	tags, build   string
	strict, quiet bool
}

func newFlags(c *schedule.Config, out *outputs, stderr io.Writer) *flag.FlagSet {
	f := flag.NewFlagSet("stability test", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() { fmt.Fprint(stderr, usage); f.PrintDefaults() }
	f.StringVar(&c.Dir, "C", "", "run the go command in this folder")
	f.StringVar(&c.Run, "run", "", "run only tests that match this regular expression")
	f.BoolVar(&c.Each, "each", false, "run each test in a process of its own")
	f.IntVar(&c.Runs, "runs", 10, "schedules for each package, or for each test with -each")
	f.Uint64Var(&c.Seed, "seed", 1, "seed of all decisions")
	f.BoolVar(&c.First, "first", false, "go on to the next package or test after a proven finding")
	f.IntVar(&c.Replays, "replays", 5, "how often to take a finding's schedule again to measure its rate; -1 for never")
	f.IntVar(&c.Minimize, "minimize", 0, "runs to spend on making each proven finding's schedule smaller")
	f.StringVar(&c.Replay, "replay", "", "take only this schedule, from a report")
	f.BoolVar(&c.Rewrite, "rewrite", false, "put the points into the project's own source, not into the runtime; sees less")
	f.BoolVar(&c.Race, "race", false, "build with the race detector")
	f.DurationVar(&c.Timeout, "timeout", c.Timeout, "limit for one run (default 1m)")
	f.DurationVar(&c.Limit, "limit", c.Limit, "limit for all runs together (default 10m)")
	f.IntVar(&c.Workers, "workers", 0, "runs at the same time (default half of the CPUs)")
	f.StringVar(&out.tags, "tags", "", "build tags")
	f.StringVar(&out.build, "build", "", "further flags for go test -c, separated by spaces")
	f.BoolVar(&out.json, "json", false, "print the report as JSON")
	f.StringVar(&out.junit, "junit", "", "write the report as JUnit XML to this file")
	f.StringVar(&out.sarif, "sarif", "", "write the report as SARIF to this file")
	f.BoolVar(&out.strict, "strict", false, "fail on a SUSPECT too")
	f.BoolVar(&out.quiet, "q", false, "no progress on standard error")
	return f
}

// splitFlags cuts the arguments at "--".
func splitFlags(args []string) (ours, theirs []string) {
	for i, a := range args {
		if a == "--" {
			return args[:i], args[i+1:]
		}
	}
	return args, nil
}

func (out *outputs) write(r *schedule.Report, stdout io.Writer) error {
	for _, o := range []struct {
		path  string
		write func(io.Writer, *schedule.Report) error
	}{{out.junit, report.JUnit}, {out.sarif, report.SARIF}} {
		if o.path == "" {
			continue
		}
		if err := writeTo(o.path, func(w io.Writer) error { return o.write(w, r) }); err != nil {
			return err
		}
	}
	if out.json {
		return report.JSON(stdout, r)
	}
	return report.Text(stdout, r)
}

func writeTo(path string, write func(io.Writer) error) error {
	f, err := os.Create(filepath.Clean(path))
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
