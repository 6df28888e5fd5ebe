package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/falsifiable/stability/evidence/goroutines"
	"github.com/falsifiable/stability/internal/printable"
	"github.com/falsifiable/stability/lab/leaks"
)

const leaksHelp = `stability leaks [flags] DUMP [LATER] groups the goroutines of a dump, and of two says which grow.

A dump is a file in any form that Go writes (debug=0, 1 or 2, or the output of a crashed process), - for standard input, a bundle of
evidence, or a service's address.

  stability leaks goroutines.txt                                          what waits, and where
  stability leaks monday.txt tuesday.txt                                  what grew between them
  stability leaks -wait 1m http://localhost:6060/debug/pprof/goroutine    two dumps of a service, a minute apart
  curl -s http://localhost:6060/debug/pprof/goroutine?debug=2 | stability leaks -

Exit codes: 0 nothing suspect, 1 suspects, 2 the dump cannot be read.

`

func runLeaks(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	stdout, stderr = printable.Writer(stdout), printable.Writer(stderr) // a dump may come from anybody
	flags := flag.NewFlagSet("leaks", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprint(stderr, leaksHelp); flags.PrintDefaults() }
	all := flags.Bool("all", false, "show all groups, not only suspects")
	asJSON := flags.Bool("json", false, "write JSON for machines")
	wait := flags.Duration("wait", 0, "for an address: take two dumps, so far apart")
	if err := flags.Parse(args); err != nil {
		if err == flag.ErrHelp {
			return exitOK
		}
		return exitUsage
	}
	if n := flags.NArg(); n < 1 || n > 2 || *wait > 0 && (n != 1 || !leaks.IsURL(flags.Arg(0))) || *wait < 0 {
		fmt.Fprintln(stderr, "stability leaks: give a dump, or two, or an address with -wait; -h shows how")
		return exitUsage
	}
	report, err := readLeaks(ctx, flags.Args(), *wait)
	if err != nil {
		fmt.Fprintln(stderr, "stability:", err)
		return exitUsage
	}
	if *asJSON {
		encoder := json.NewEncoder(stdout)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(report)
	} else {
		leaks.Print(stdout, report, *all)
	}
	switch {
	case err != nil:
		fmt.Fprintln(stderr, "stability:", err)
		return exitUsage
	case len(report.Suspects()) > 0:
		return exitFailed
	}
	return exitOK
}

func readLeaks(ctx context.Context, targets []string, wait time.Duration) (*goroutines.Triage, error) {
	if wait > 0 {
		targets = append(targets, targets[0])
	}
	var dumps []*goroutines.Dump
	for i, target := range targets {
		if i == 1 && wait > 0 {
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		dump, err := leaks.Read(ctx, target)
		if err != nil {
			return nil, err
		}
		dumps = append(dumps, dump)
	}
	if len(dumps) == 1 {
		dumps = append([]*goroutines.Dump{nil}, dumps...)
	}
	found := goroutines.Compare(dumps[0], dumps[1])
	found.ReadSource()
	return found, nil
}
