// Command semver-check holds modules to a minor series, in every module of a repository:
//
//	semver-check --require-minor=1.2.0
//	semver-check --require-minor=1.2.0 github.com/some/lib
//
// Without a module named, it holds all modules that a go.mod declares in that series: each must also resolve to a
// version in it, 1.2.0 or above and below 1.3.0. This is one of the many things that stability gate modules judges.
//
// Exit codes: 0 every module stays in the series, 1 one does not, 2 wrong usage, 3 it could not be found out.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/falsifiable/stability/lab/gate"
	"github.com/falsifiable/stability/lab/gate/modules"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("semver-check", flag.ContinueOnError)
	flags.SetOutput(stderr)
	minor := flags.String("require-minor", "", "the `version` whose minor series is required, such as 1.2.0")
	dir := flags.String("C", ".", "the repository's `directory`")
	asJSON := flags.Bool("json", false, "print the report as JSON")
	flags.Usage = func() {
		fmt.Fprint(stderr, "semver-check --require-minor=VERSION [MODULE ...] holds modules to a minor series.\nExit codes: 0 they are in it, 1 one is not, 2 usage, 3 it could not be told.\n\n")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return gate.ExitPassed
		}
		return gate.ExitUsage
	}
	if *minor == "" {
		fmt.Fprintln(stderr, "semver-check: give --require-minor, such as --require-minor=1.2.0")
		return gate.ExitUsage
	}
	report, err := modules.RequireMinor(ctx, *dir, *minor, flags.Args())
	if err != nil {
		fmt.Fprintln(stderr, err)
		return gate.ExitUsage
	}
	write := report.WriteText
	if *asJSON {
		write = report.WriteJSON
	}
	if err := write(stdout); err != nil {
		fmt.Fprintln(stderr, "semver-check:", err)
		return gate.ExitOpen
	}
	return report.ExitCode()
}
