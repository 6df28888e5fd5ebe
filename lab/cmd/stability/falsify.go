package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/term"

	"github.com/falsifiable/stability/internal/printable"
	"github.com/falsifiable/stability/lab/falsify"
	"github.com/falsifiable/stability/lab/falsify/report"
)

const falsifyHelp = `stability falsify [flags] DIR tries to prove every contract of the service in DIR wrong.

  stability falsify -quick ./cmd/payment          a first look, minutes
  stability falsify -pr .                         before a merge: commit the falsification.json it writes
  stability falsify -nightly -json . >night.json  claims one can lean on, hours
  stability falsify -verify .                     CI: fails when a check changed and was not proven anew
  stability falsify -plan .                       how each check would be tried, and why so; injects nothing
  stability falsify -start .                      build it, start it, and say what it said if it does not come up
  stability falsify -only goroutines -seed 7 .    look at one cell again

The service is built with a fault agent laid in, without a change to its source, and run many times in processes of
its own: under random load without a fault no check may fire; under the fault it exists for it must, in time.
Exit codes: 0 every check proven, 1 one refuted, 2 usage, 3 inconclusive, or the service could not be built or run.

`

// falsifyFlags are what the command line says.
type falsifyFlags struct {
	config  falsify.Config
	tiers   [3]bool // quick, pr, nightly
	out     string
	json    bool
	verify  bool
	start   bool
	noProof bool
}

func runFalsify(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	f, err := parseFalsify(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		fmt.Fprintln(stderr, "stability falsify:", printable.String(err.Error()))
		return exitUsage
	}
	switch {
	case f.verify:
		return verifyProof(ctx, f, stdout, stderr)
	case f.start:
		return tryStart(ctx, f, stdout, stderr)
	}
	screen := newScreen(stdout)
	if f.json {
		screen = newScreen(stderr) // standard output is for the machine
	}
	fmt.Fprintf(screen.W, "building %s …\n", f.config.Dir)
	f.config.Planned = screen.Plan
	f.config.Progress = func(p falsify.Progress) { screen.Progress(p.Done, p.Total, p.Run, p.Elapsed) }
	r, err := falsify.Run(ctx, f.config)
	if err != nil {
		fmt.Fprintln(stderr, "stability falsify:", printable.String(err.Error()))
		return falsify.ExitCode(nil, err)
	}
	if f.config.PlanOnly {
		return showPlan(r, f, screen, stdout, stderr)
	}
	if err := f.publish(r, screen, stdout); err != nil {
		fmt.Fprintln(stderr, "stability falsify:", printable.String(err.Error()))
		return falsify.ExitCode(nil, err)
	}
	return falsify.ExitCode(r, nil)
}

func parseFalsify(args []string, stderr io.Writer) (falsifyFlags, error) {
	var f falsifyFlags
	flags := flag.NewFlagSet("falsify", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&f.tiers[0], "quick", false, "the quick tier, which is also the default")
	flags.BoolVar(&f.tiers[1], "pr", false, "the tier for each change")
	flags.BoolVar(&f.tiers[2], "nightly", false, "the tier for claims one can lean on")
	flags.StringVar(&f.config.Experiment, "experiment", "", "experiment `file`; defaults to falsify.yaml in DIR, if there is one")
	flags.Uint64Var(&f.config.Seed, "seed", 0, "repeat the run of this `seed`")
	flags.StringVar(&f.config.Only, "only", "", "run only the fault runs of `CHECK/FAULT`, CHECK or /FAULT; proves nothing")
	flags.Float64Var(&f.config.Scale, "scale", 0, "multiply the contract's own times by `factor` in (0, 1]; defaults to the tier's")
	flags.IntVar(&f.config.Lanes, "lanes", 0, "services run side by side; defaults to the tier's choice for this machine")
	flags.StringVar(&f.out, "out", "falsify-report", "`directory` for report.html, report.json, junit.xml and report.sarif")
	flags.BoolVar(&f.json, "json", false, "print the report as JSON; progress goes to standard error")
	flags.BoolVar(&f.verify, "verify", false, "run nothing but compare falsification.json with the checks as they are")
	flags.BoolVar(&f.config.PlanOnly, "plan", false, "print how each check would be tried and inject nothing")
	flags.BoolVar(&f.start, "start", false, "only build and start the service, and quote it if it does not come up")
	flags.BoolVar(&f.config.Mutate, "mutate", false, "weaken each detected check, and say which of the mutants nothing would notice")
	flags.BoolVar(&f.noProof, "no-proof", false, "do not write falsification.json")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(stderr, falsifyHelp)
			flags.SetOutput(stderr)
			flags.PrintDefaults()
		}
		return f, err
	}
	if flags.NArg() != 1 {
		return f, fmt.Errorf("give the directory of one main package, such as ./cmd/payment; got %d arguments", flags.NArg())
	}
	f.config.Dir = flags.Arg(0)
	return f, f.chooseTier()
}

func (f *falsifyFlags) chooseTier() error {
	for i, t := range []falsify.Tier{falsify.Quick, falsify.PR, falsify.Nightly} {
		if !f.tiers[i] {
			continue
		}
		if f.config.Tier != "" {
			return errors.New("give one of -quick, -pr and -nightly")
		}
		f.config.Tier = t
	}
	return nil
}

// publish shows the report and writes its files. It also writes the proof beside the contract, unless the runs were
// interrupted or only a part of them was asked for: then nothing is proven.
func (f *falsifyFlags) publish(r *falsify.Report, screen report.Terminal, stdout io.Writer) error {
	screen.Report(r)
	if f.config.Mutate {
		r.WriteMutations(screen.W)
	}
	if err := r.WriteFiles(f.out); err != nil {
		return err
	}
	fmt.Fprintf(screen.W, "\nreport: %s\n", filepath.Join(f.out, report.HTMLName))
	if f.json {
		if err := r.WriteJSON(stdout); err != nil {
			return err
		}
	}
	if f.noProof || r.Interrupted != "" || f.config.Only != "" {
		return nil
	}
	written, kept, err := r.WriteProofs()
	for _, name := range written {
		fmt.Fprintln(screen.W, "proof:", name)
	}
	for _, name := range kept {
		fmt.Fprintf(screen.W, "proof: %s is kept: its tier proves more; delete it to begin anew\n", name)
	}
	return err
}

// showPlan prints how each check would be tried. A check that cannot be tried is no failure of the command.
func showPlan(r *falsify.Report, f falsifyFlags, screen report.Terminal, stdout, stderr io.Writer) int {
	screen.Plan(r)
	for _, n := range r.Notes {
		fmt.Fprintln(screen.W, "note:", n)
	}
	if f.json {
		if err := r.WriteJSON(stdout); err != nil {
			fmt.Fprintln(stderr, "stability falsify:", printable.String(err.Error()))
			return falsify.ExitCode(nil, err)
		}
	}
	return exitOK
}

// tryStart starts the service alone, without load.
func tryStart(ctx context.Context, f falsifyFlags, stdout, stderr io.Writer) int {
	took, err := falsify.Start(ctx, f.config)
	if err != nil {
		fmt.Fprintln(stderr, "stability falsify:", printable.String(err.Error()))
		return falsify.ExitCode(nil, err)
	}
	fmt.Fprintf(stdout, "the service came up in %.2g s\n", took.Seconds())
	return exitOK
}

// verifyProof compares the committed proofs with the checks that the service has now.
func verifyProof(ctx context.Context, f falsifyFlags, stdout, stderr io.Writer) int {
	unproven, judged, err := falsify.Verify(ctx, f.config)
	if err != nil {
		fmt.Fprintln(stderr, "stability falsify:", printable.String(err.Error()))
		return falsify.ExitCode(nil, err)
	}
	for _, u := range unproven {
		fmt.Fprint(stdout, printable.String(fmt.Sprintf("%s/%s %s\n", u.Contract, u.Check, u.Why)))
	}
	if len(unproven) > 0 {
		fmt.Fprintf(stdout, "\nProve them with: stability falsify -pr %s\n", f.config.Dir)
		return exitFailed
	}
	fmt.Fprintf(stdout, "every check is proven as it is: %d\n", judged)
	return exitOK
}

// newScreen tells whether a person is watching, who may be shown colors and a moving bar, and how wide the terminal is.
func newScreen(w io.Writer) report.Terminal {
	screen := report.Terminal{W: w}
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return screen
	}
	screen.Color = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	if width, _, err := term.GetSize(int(file.Fd())); err == nil {
		screen.Width = width
	}
	return screen
}
