package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/falsifiable/stability/internal/printable"
	"github.com/falsifiable/stability/lab/bundle"
)

const evidenceHelp = `stability evidence verify|explain [-json] BUNDLE reads a bundle of evidence, a folder with a manifest.json.

  stability evidence verify  BUNDLE    compare each file with the size and SHA-256 in the manifest
  stability evidence explain BUNDLE    what broke, since when, what grew with it, which goroutines, which cause, what to try

Exit codes: 0 as it was captured, or explained; 1 damaged, or parts of it could not be read; 2 usage, or no readable bundle.

`

func runEvidence(_ context.Context, args []string, stdout, stderr io.Writer) int {
	stdout, stderr = printable.Writer(stdout), printable.Writer(stderr) // a bundle may come from anybody
	flags := flag.NewFlagSet("evidence", flag.ContinueOnError)
	flags.SetOutput(stderr)
	asJSON := flags.Bool("json", false, "print JSON")
	flags.Usage = func() {
		fmt.Fprint(stderr, evidenceHelp)
		flags.PrintDefaults()
	}
	verb := ""
	if len(args) > 0 && (args[0] == "verify" || args[0] == "explain") {
		verb, args = args[0], args[1:]
	}
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	case verb == "" || flags.NArg() != 1:
		fmt.Fprintln(stderr, "stability evidence: say verify or explain, and one bundle, a folder with a manifest.json; -h shows how")
		return exitUsage
	}
	result, damaged, err := readEvidence(verb, flags.Arg(0))
	if err != nil {
		fmt.Fprintln(stderr, "stability evidence:", err)
		return exitUsage
	}
	if *asJSON {
		encoder := json.NewEncoder(stdout)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(result); err != nil {
			fmt.Fprintln(stderr, "stability evidence:", err)
			return exitFailed
		}
	} else {
		result.Print(stdout)
	}
	if damaged {
		return exitFailed
	}
	return exitOK
}

func readEvidence(verb, path string) (result interface{ Print(io.Writer) }, damaged bool, err error) {
	if verb == "verify" {
		v, err := bundle.Verify(path)
		return v, v.Damaged() > 0, err
	}
	e, err := bundle.Explain(path)
	return e, err == nil && len(e.Unread) > 0, err
}
