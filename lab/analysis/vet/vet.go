// Package vet is `stability vet`: it runs the suite of lab/analysis over packages and prints what it finds as text, JSON,
// SARIF or GitHub annotations.
//
// The packages are analyzed by go vet, with this program as its tool: so results are cached by the build cache, facts
// travel between packages, and build flags, tags and overlays mean what they mean to the go command.
package vet

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/falsifiable/stability/lab/analysis"
)

// Exit codes of Main.
const (
	ExitClean    = 0 // nothing found
	ExitFindings = 1 // something found
	ExitUsage    = 2 // wrong arguments
	ExitBroken   = 3 // the code does not load or type-check
	ExitFailed   = 4 // an analyzer failed, so findings may be missing
)

type options struct {
	json, sarif, github, fix bool
	baseline                 string
	writeBaseline            bool
	only                     string
	patterns                 []string
}

// Main runs the command with args, without the program's name, and returns its exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	if IsTool(args) {
		Tool()
	}
	if len(args) > 0 && args[0] == "explain" {
		return Explain(args[1:], stdout, stderr)
	}
	var o options
	fs := flag.NewFlagSet("stability vet", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.BoolVar(&o.json, "json", false, "print one JSON document")
	fs.BoolVar(&o.sarif, "sarif", false, "print a SARIF 2.1.0 log")
	fs.BoolVar(&o.github, "github", false, "print GitHub workflow annotations")
	fs.BoolVar(&o.fix, "fix", false, "apply the suggested fixes")
	fs.StringVar(&o.baseline, "baseline", "", "leave out the findings listed in this `file`")
	fs.BoolVar(&o.writeBaseline, "write-baseline", false, "write the findings to the file of -baseline instead of printing them")
	fs.StringVar(&o.only, "only", "", "comma-separated analyzer `names` to run; all by default")
	fs.Usage = func() {
		fmt.Fprintln(stderr, "usage: stability vet [flags] [packages]")
		fs.PrintDefaults()
	}
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return ExitClean
		}
		return ExitUsage
	}
	if o.writeBaseline && o.baseline == "" {
		fmt.Fprintln(stderr, "vet: -write-baseline needs -baseline FILE")
		return ExitUsage
	}
	if o.patterns = fs.Args(); len(o.patterns) == 0 {
		o.patterns = []string{"."}
	}
	return o.run(stdout, stderr)
}

func (o *options) run(stdout, stderr io.Writer) int {
	findings, broken, err := o.collect()
	if err != nil {
		fmt.Fprintln(stderr, err)
		return ExitUsage
	}
	if broken != "" {
		fmt.Fprint(stderr, broken)
		return ExitBroken
	}
	findings, failures := separate(findings)
	for _, f := range failures {
		fmt.Fprintf(stderr, "vet: %s: %s\n", f.place(), f.Message)
	}
	if o.only == "" || slices.Contains(strings.Split(o.only, ","), "contract") {
		more, err := o.experiments()
		if err != nil {
			fmt.Fprintln(stderr, err)
			return ExitUsage
		}
		findings = append(findings, more...)
	}
	if o.baseline != "" {
		if findings, err = o.applyBaseline(findings); err != nil {
			fmt.Fprintln(stderr, err)
			return ExitUsage
		}
	}
	if o.fix {
		n, err := applyFixes(findings)
		if err != nil {
			fmt.Fprintln(stderr, err)
			return ExitUsage
		}
		fmt.Fprintf(stderr, "vet: %d fixes applied\n", n)
	}
	switch {
	case o.json:
		err = printJSON(stdout, findings)
	case o.sarif:
		err = printSARIF(stdout, findings)
	case o.github:
		err = printGitHub(stdout, findings)
	default:
		err = printText(stdout, findings)
	}
	if err != nil {
		fmt.Fprintln(stderr, "vet: printing findings:", err)
		return ExitUsage
	}
	switch {
	case len(failures) > 0:
		return ExitFailed
	case len(findings) > 0:
		return ExitFindings
	}
	return ExitClean
}

// collect runs go vet and returns its findings, or its words about code that does not compile.
func (o *options) collect() (findings []Finding, broken string, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, "", fmt.Errorf("vet: finding this program: %w", err)
	}
	args := []string{"vet", "-vettool=" + self, "-json"}
	if o.only != "" {
		chosen, err := analysis.Select(strings.Split(o.only, ","))
		if err != nil {
			return nil, "", fmt.Errorf("vet: %w", err)
		}
		for _, a := range chosen {
			args = append(args, "-"+a.Name)
		}
	}
	cmd := exec.Command("go", append(args, o.patterns...)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	runErr := cmd.Run()
	findings, rest := parse(io.MultiReader(&out, &errs))
	if len(rest) > 0 {
		return nil, strings.Join(rest, "\n") + "\n", nil
	}
	if runErr != nil && len(findings) == 0 {
		return nil, "", fmt.Errorf("vet: running go vet: %w", runErr)
	}
	return findings, "", nil
}

// Explain prints the documentation of the named analyzers, or the list of all.
func Explain(names []string, stdout, stderr io.Writer) int {
	suite := analysis.Suite()
	if len(names) == 0 {
		for _, a := range suite {
			line, _, _ := strings.Cut(a.Doc, "\n")
			fmt.Fprintf(stdout, "%-28s %s\n", a.Name, line)
		}
		return ExitClean
	}
	for _, name := range names {
		i := slices.IndexFunc(suite, func(a *analysisAnalyzer) bool { return a.Name == name })
		if i < 0 {
			fmt.Fprintf(stderr, "vet: there is no analyzer %q\n", name)
			return ExitUsage
		}
		fmt.Fprintf(stdout, "%s %s\n", name, suite[i].Doc)
		for _, c := range analysis.Composed() {
			if c.Cause+"_"+c.Analyzer.Name == name {
				fmt.Fprintf(stdout, "\nIt serves %s: %s.\n", c.Cause, c.Why)
			}
		}
	}
	return ExitClean
}
