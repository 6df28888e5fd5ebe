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
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/falsifiable/stability/lab/analysis"
	"github.com/falsifiable/stability/lab/analysis/lostdeadline"
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
	deps, all, vulns         bool
	budget                   time.Duration
	severity                 string
	unseen                   int // packages for which the budget was too small
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
	fs.BoolVar(&o.deps, "deps", false, "look at all that is compiled into the packages, dependencies too, without any tests")
	fs.DurationVar(&o.budget, "budget", defaultBudget, "with -deps: how long that may take")
	fs.BoolVar(&o.vulns, "vulns", false, "also name dependencies with known vulnerabilities, by govulncheck if it is installed")
	fs.BoolVar(&o.all, "all", false, "print each place, also where many have one cause")
	fs.StringVar(&o.severity, "severity", "", "leave out what is less severe than this: hang, race, leak or risk")
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
	if o.severity != "" && analysis.ParseSeverity(o.severity) == 0 {
		fmt.Fprintf(stderr, "vet: -severity %s: there is hang, race, leak and risk\n", o.severity)
		return ExitUsage
	}
	if o.patterns = fs.Args(); len(o.patterns) == 0 {
		o.patterns = []string{"."}
	}
	return o.run(stdout, stderr)
}

func (o *options) run(stdout, stderr io.Writer) int {
	all, broken, err := o.look(stderr)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return ExitUsage
	}
	if broken != "" { // which is no reason to keep back what is found in the other packages
		fmt.Fprintln(stderr, strings.TrimSuffix(broken, "\n"))
	}
	findings, failures := separate(all)
	for _, f := range failures {
		fmt.Fprintf(stderr, "vet: %s: %s\n", f.place(), f.Message)
	}
	if findings, err = o.wanted(findings, stderr); err == nil {
		err = o.print(stdout, findings)
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return ExitUsage
	}
	return o.exitCode(findings, failures, broken != "")
}

// look runs the analyzers over the packages that were asked for, or over all that is compiled into them. Beside the findings it
// returns the words of the go command about code that does not build.
func (o *options) look(stderr io.Writer) (findings []Finding, broken string, err error) {
	if o.deps {
		return o.dependencies(stderr)
	}
	return o.collect()
}

// wanted adds what is found outside of go vet, leaves out what was not asked for or is known already, and applies the fixes.
func (o *options) wanted(findings []Finding, stderr io.Writer) ([]Finding, error) {
	if o.only == "" || slices.Contains(strings.Split(o.only, ","), "contract") {
		more, err := o.experiments()
		if err != nil {
			return nil, err
		}
		findings = append(findings, more...)
	}
	findings, err := o.chosen(findings)
	if err != nil {
		return nil, err
	}
	if o.vulns {
		findings = append(findings, vulnerable(stderr)...)
	}
	if o.baseline != "" {
		if findings, err = o.applyBaseline(findings); err != nil {
			return nil, err
		}
	}
	if o.fix {
		n, err := applyFixes(findings)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(stderr, "vet: %d fixes applied\n", n)
	}
	if !o.all {
		findings = fold(withoutEchoes(findings))
	}
	return findings, nil
}

// print prints the findings in the form that was asked for.
func (o *options) print(w io.Writer, findings []Finding) error {
	show := printText
	switch {
	case o.json:
		show = printJSON
	case o.sarif:
		show = printSARIF
	case o.github:
		show = printGitHub
	}
	if err := show(w, findings); err != nil {
		return fmt.Errorf("vet: printing findings: %w", err)
	}
	return nil
}

func (o *options) exitCode(findings, failures []Finding, broken bool) int {
	switch {
	case len(failures) > 0:
		return ExitFailed
	case len(findings) > 0:
		return ExitFindings
	case broken || o.unseen > 0:
		return ExitBroken
	}
	return ExitClean
}

// executable finds the tool that go vet is to call, which is this program: tests put another in its place.
var executable = os.Executable

// collect runs go vet and returns its findings, and its words about code that does not compile.
func (o *options) collect() (findings []Finding, broken string, err error) {
	self, err := executable()
	if err != nil {
		return nil, "", fmt.Errorf("vet: finding this program: %w", err)
	}
	flags, err := o.analyzerFlags()
	if err != nil {
		return nil, "", err
	}
	args := append([]string{"vet", "-vettool=" + self, "-json"}, flags...)
	cmd := exec.Command("go", append(args, o.patterns...)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	runErr := cmd.Run()
	findings, rest := parse(io.MultiReader(&out, &errs))
	if len(rest) > 0 {
		return findings, strings.Join(rest, "\n") + "\n", nil
	}
	switch {
	case runErr != nil && len(findings) == 0:
		return nil, "", fmt.Errorf("vet: running go vet: %w", runErr)
	case runErr != nil: // with -json it ends without an error whatever was found
		return findings, fmt.Sprintf("vet: go vet did not come to its end: %v; what it had found by then follows", runErr), nil
	}
	return findings, "", nil
}

// analyzerFlags returns the flags by which the tool is told which analyzers to run: none for all.
func (o *options) analyzerFlags() (flags []string, err error) {
	if o.only == "" {
		return nil, nil
	}
	chosen, err := analysis.Select(strings.Split(o.only, ","))
	if err != nil {
		return nil, fmt.Errorf("vet: %w", err)
	}
	for _, a := range chosen {
		flags = append(flags, "-"+a.Name)
	}
	return flags, nil
}

// chosen leaves out what is less severe than asked for, and what is known to be right by what another package says.
func (o *options) chosen(findings []Finding) ([]Finding, error) {
	for i := range findings {
		findings[i].Severity = analysis.SeverityOf(findings[i].Analyzer).String()
	}
	if least := analysis.ParseSeverity(o.severity); least != 0 {
		findings = slices.DeleteFunc(findings, func(f Finding) bool { return analysis.SeverityOf(f.Analyzer) < least })
	}
	isFramework := func(f Finding) bool { return f.category == lostdeadline.Framework }
	if slices.ContainsFunc(findings, isFramework) {
		sets, err := o.setsFallback()
		if err != nil {
			return nil, err
		}
		if sets {
			findings = slices.DeleteFunc(findings, isFramework)
		}
	}
	return findings, nil
}

// setsFallback tells whether a package of the main module sets ContextWithFallback of gin: then its contexts are cancelled with
// their requests, in all its packages.
func (o *options) setsFallback() (bool, error) {
	cmd := exec.Command("go", append([]string{"list", "-e", "-deps", "-f", `{{if and .Module .Module.Main}}{{$d := .Dir}}{{range .GoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}{{end}}`}, "./...")...)
	out, err := cmd.Output()
	if err != nil {
		return false, nil // not in a module: the findings stay
	}
	for name := range strings.Lines(string(out)) {
		name = strings.TrimSpace(name)
		src, err := os.ReadFile(name)
		if name == "" || err != nil || !bytes.Contains(src, []byte("ContextWithFallback")) {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.SkipObjectResolution)
		if err == nil && lostdeadline.SetsFallback(file) {
			return true, nil
		}
	}
	return false, nil
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
