package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/falsifiable/stability/lab/gate"
	"github.com/falsifiable/stability/lab/gate/modules"
	"github.com/falsifiable/stability/lab/internal/sarif"
)

const gateHelp = `stability gate NAME [flags] judges a change before it is merged.

`

const gateExit = `
Every gate judges the whole repository that it is run in, or that of -C DIR, says how much it judged and what it could
not judge, and tells -json and -sarif FILE for machines.
Exit codes: 0 passed, 1 failed, 2 usage, 3 open: nothing was judged, or what matters could not be.
`

// gateFlags are the flags that all gates share.
type gateFlags struct {
	dir, base, sarif string
	json             bool
}

// gateCommand is one gate: it declares its flags and returns what runs it.
type gateCommand struct {
	name, summary string
	setup         func(*flag.FlagSet, *gateFlags) func(ctx context.Context, args []string, stdout io.Writer) (*gate.Report, error)
}

func gates() []gateCommand {
	return []gateCommand{
		{"modules", "what go.mod declares, what is resolved and what is compiled are the same", setupModules},
		{"toolchain", "what another Go version changes for this program", setupToolchain},
		{"start", "the service comes up: most drift that kills, kills in init", setupStart},
		{"review", "a change to Go code says in its stability.md what it touches, what watches that, and what would prove it wrong", setupReview},
		{"contracts", "every check is proven as it is now", setupContracts},
		{"warmup", "the checks raised no false alarm while they watched production", setupWarmup},
	}
}

func runGate(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 || args[0] == "-h" || args[0] == "-help" || args[0] == "--help" || args[0] == "help" {
		w, code := stdout, exitOK
		if len(args) == 0 {
			w, code = stderr, exitUsage
		}
		fmt.Fprint(w, gateHelp)
		for _, g := range gates() {
			fmt.Fprintf(w, "  stability gate %-10s %s\n", g.name, g.summary)
		}
		fmt.Fprint(w, gateExit)
		return code
	}
	for _, g := range gates() {
		if g.name == args[0] {
			return runOneGate(ctx, g, args[1:], stdout, stderr)
		}
	}
	fmt.Fprintf(stderr, "stability gate: there is no gate %q; stability gate -h lists them\n", args[0])
	return exitUsage
}

func runOneGate(ctx context.Context, g gateCommand, args []string, stdout, stderr io.Writer) int {
	var f gateFlags
	flags := flag.NewFlagSet("gate "+g.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&f.dir, "C", ".", "a `directory` in the repository")
	flags.StringVar(&f.base, "base", "", "the `commit` a change is compared with; defaults to where it left the default branch")
	flags.StringVar(&f.sarif, "sarif", "", "write the findings as SARIF to this `file` too")
	flags.BoolVar(&f.json, "json", false, "print the report as JSON")
	judge := g.setup(flags, &f)
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprintf(stderr, "stability gate %s: %s.\n\n", g.name, g.summary)
			flags.SetOutput(stderr)
			flags.PrintDefaults()
			fmt.Fprint(stderr, gateExit)
			return exitOK
		}
		fmt.Fprintf(stderr, "stability gate %s: %v\n", g.name, err)
		return exitUsage
	}
	report, err := judge(ctx, flags.Args(), stdout)
	if err != nil {
		fmt.Fprintf(stderr, "stability gate %s: %v\n", g.name, err)
		if ctx.Err() != nil {
			return gate.ExitOpen
		}
		return exitUsage
	}
	if report == nil {
		return exitOK // the flags asked for something else than a judgment
	}
	if err := f.publish(report, stdout); err != nil {
		fmt.Fprintf(stderr, "stability gate %s: %v\n", g.name, err)
		return gate.ExitOpen
	}
	return report.ExitCode()
}

func (f *gateFlags) publish(report *gate.Report, stdout io.Writer) error {
	if f.sarif != "" {
		file, err := os.Create(f.sarif)
		if err != nil {
			return err
		}
		if err := errors.Join(sarif.Write(file, report.SARIF()), file.Close()); err != nil {
			return err
		}
	}
	if f.json {
		return report.WriteJSON(stdout)
	}
	return report.WriteText(stdout)
}

func setupModules(flags *flag.FlagSet, f *gateFlags) func(context.Context, []string, io.Writer) (*gate.Report, error) {
	var cfg modules.Config
	flags.StringVar(&cfg.Policy, "policy", "", "the policy `file`; defaults to "+modules.PolicyName+" at the root, if there is one")
	flags.StringVar(&cfg.VulnDB, "vulndb", "", "a `directory` with a copy of the Go vulnerability database; defaults to a file URL in GOVULNDB")
	flags.BoolVar(&cfg.Build, "build", false, "build every main package and compare what was compiled into it")
	flags.BoolVar(&cfg.NoCommands, "static", false, "read the files alone; do not ask the go command")
	return func(ctx context.Context, args []string, _ io.Writer) (*gate.Report, error) {
		cfg.Dir, cfg.Base = f.dir, f.base
		for _, a := range args { // binaries
			full, err := filepath.Abs(a)
			if err != nil {
				return nil, err
			}
			cfg.Binaries = append(cfg.Binaries, full)
		}
		return modules.Run(ctx, cfg)
	}
}
