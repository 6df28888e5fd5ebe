// Command stability-contract writes a service's stability contract from its thresholds, for go generate
// (docs/guide/whitepaper.md §5):
//
//	//go:generate stability-contract --service=payment --thresholds='{"goroutines":2000,"heap_inuse_mb":800}'
//
// It writes stability_contract.go, which registers the contract payment-stability-sla with the default monitor, and
// stability_contract_test.go with TestStabilityContract. The contract is extended by hand by what else the package
// declares: a variable stabilityChecks ([]stability.Check) is appended, a function onStabilityViolation is called,
// a variable stabilityTestConfig (stabilitytest.Config, in a test file) configures the test, and a
// falsification.json beside them is embedded. With --enforce the contract acts; that wants the falsification.json, for acting on
// a guess is how a watch causes outages. The test runs in the package of the line: one whose init functions read files or variables
// is the wrong place, a package of its own, such as internal/stabilitywatch, the right one.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

// Exit codes.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
)

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

func run(args []string, stderr io.Writer) int {
	r, err := parseArgs(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		fmt.Fprintln(stderr, "stability-contract:", err)
		return exitUsage
	}
	files, err := generate(r)
	if err == nil {
		err = write(r.dir, files)
	}
	if err != nil {
		fmt.Fprintln(stderr, "stability-contract:", err)
		return exitError
	}
	return exitOK
}

var serviceName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9._-]*$`)

func parseArgs(args []string, stderr io.Writer) (request, error) {
	r := request{dir: "."}
	flags := flag.NewFlagSet("stability-contract", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&r.service, "service", "", "name of the service; the contract is NAME-stability-sla")
	flags.StringVar(&r.thresholds, "thresholds", "", "JSON object of thresholds")
	flags.BoolVar(&r.enforce, "enforce", false, "let responders act on the contract, and let /healthz?contract=NAME fail; wants a falsification.json")
	flags.StringVar(&r.out, "out", "stability_contract.go", "file to write; its test goes beside it")
	flags.StringVar(&r.pkg, "pkg", os.Getenv("GOPACKAGE"), "package of the file; defaults to that of the directory")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			usage(stderr)
		}
		return r, err
	}
	switch {
	case flags.NArg() > 0:
		return r, fmt.Errorf("unexpected argument %q; go generate splits its line at spaces, so write the JSON without any", flags.Arg(0))
	case !serviceName.MatchString(r.service):
		return r, fmt.Errorf("--service=%q: want a name of letters, digits and -._, beginning with a letter", r.service)
	case !strings.HasSuffix(r.out, ".go") || strings.HasSuffix(r.out, "_test.go") || strings.ContainsAny(r.out, `/\`):
		return r, fmt.Errorf("-out %q: want the name of a Go file in this directory, no test file", r.out)
	}
	return r, nil
}

func usage(w io.Writer) {
	fmt.Fprintf(w, `stability-contract writes a service's stability contract from its thresholds.

  //go:generate stability-contract --service=payment --thresholds='{"goroutines":2000,"heap_inuse_mb":800}'

  --service NAME       the contract is NAME-stability-sla
  --thresholds JSON    an object of these keys, each with a number:
%s
  -out FILE            defaults to stability_contract.go; the test goes to FILE_test.go
  -pkg NAME            defaults to the package of the directory

Declare stabilityChecks, onStabilityViolation or (in a test) stabilityTestConfig in the package to extend the contract.
Exit codes: 0 written, 1 not written, 2 usage.
`, indent(listKnown()))
}

func indent(text string) string { return "    " + strings.ReplaceAll(text, "\n", "\n    ") }
