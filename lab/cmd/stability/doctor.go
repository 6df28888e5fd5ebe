package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/falsifiable/stability/lab/doctor"
	"github.com/falsifiable/stability/lab/internal/sarif"
)

const doctorHelp = `stability doctor SUBJECT... checks how a Go service is set up to run. A subject is a Kubernetes manifest (rendered, any number
of documents), a container's specification (config.json of OCI, output of docker inspect), a Go program, the number of
a process, or the address of a running service's /metrics.

  stability doctor deploy/*.yaml
  helm template ./chart | stability doctor -
  stability doctor -fix deploy/pay.yaml
  stability doctor ./bin/pay
  stability doctor 4711
  stability doctor http://127.0.0.1:8080/metrics
  stability doctor -launch pay:1.2 -memory 512 -cpus 2

Each finding says what, why, and the line to change; -fix changes manifests, and keeps their comments. -launch prints the
command line that starts an image with settings that fit its limits.
Exit codes: 0 nothing found, or notes only; 1 findings; 2 usage, or a subject that could not be judged (the others were).

`

// diagnosis is what --json prints.
type diagnosis struct {
	Findings []doctor.Finding `json:"findings"`
	Mended   []doctor.Finding `json:"mended,omitempty"`
	Problems []doctor.Problem `json:"problems,omitempty"`
	Judged   []string         `json:"judged"`
}

func runDoctor(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("doctor", flag.ContinueOnError)
	flags.SetOutput(stderr)
	asJSON := flags.Bool("json", false, "print JSON")
	sarifFile := flags.String("sarif", "", "write the findings in files to `FILE` as SARIF")
	fix := flags.Bool("fix", false, "mend manifests in place")
	launch := flags.String("launch", "", "print the command line that starts an `IMAGE`")
	memory := flags.Float64("memory", 512, "with -launch: memory limit in `MiB`")
	cpus := flags.Float64("cpus", 0, "with -launch: limit of CPUs, 0 for none")
	flags.Usage = func() {
		fmt.Fprint(stderr, doctorHelp)
		flags.PrintDefaults()
	}
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	case *launch != "" && *memory >= 16 && flags.NArg() == 0:
		fmt.Fprintln(stdout, doctor.Launch(*launch, *memory*(1<<20), *cpus))
		return exitOK
	case *launch != "" || flags.NArg() == 0:
		fmt.Fprintln(stderr, "stability doctor: give manifests, programs, processes or addresses, or -launch with an image and at least 16 MiB; -h tells more")
		return exitUsage
	}
	d, code := diagnosis{Findings: []doctor.Finding{}, Judged: []string{}}, exitOK
	for _, subject := range flags.Args() {
		if err := d.judge(ctx, subject, *fix); err != nil {
			d.Problems = append(d.Problems, doctor.Problem{Text: err.Error()})
		}
	}
	if (&doctor.Report{Findings: d.Findings}).Failed() {
		code = exitFailed
	}
	if len(d.Problems) > 0 {
		code = exitUsage
	}
	if err := d.write(*asJSON, *sarifFile, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "stability doctor:", err)
		return exitUsage
	}
	return code
}

// judge judges one subject, and mends it if that is wanted.
func (d *diagnosis) judge(ctx context.Context, subject string, fix bool) error {
	report, file, err := examine(ctx, subject)
	if err != nil {
		return err
	}
	if fix && file {
		mended, err := doctor.FixFile(subject, report)
		if err != nil {
			return err
		}
		if d.Mended = append(d.Mended, mended...); len(mended) > 0 {
			if report, err = doctor.File(subject); err != nil {
				return err
			}
		}
	}
	d.Findings = append(d.Findings, report.Findings...)
	d.Problems = append(d.Problems, report.Problems...)
	d.Judged = append(d.Judged, report.Judged...)
	return nil
}

// examine returns the report on a subject, and whether it is a file that can be mended.
func examine(ctx context.Context, subject string) (report *doctor.Report, file bool, err error) {
	if subject == "-" {
		text, err := io.ReadAll(os.Stdin)
		return doctor.Text("stdin", text), false, err
	}
	if strings.HasPrefix(subject, "http://") || strings.HasPrefix(subject, "https://") {
		report, err = doctor.URL(ctx, subject)
		return report, false, err
	}
	if pid, err := strconv.Atoi(subject); err == nil && pid > 0 {
		report, err = doctor.Process(pid)
		return report, false, err
	}
	if isProgram(subject) {
		report, err = doctor.Binary(subject)
		return report, false, err
	}
	report, err = doctor.File(subject)
	return report, true, err
}

// isProgram tells an executable by how it begins: ELF, Mach-O or PE.
func isProgram(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	begin := make([]byte, 4)
	if _, err := io.ReadFull(f, begin); err != nil {
		return false
	}
	switch string(begin) {
	case "\x7fELF", "\xcf\xfa\xed\xfe", "\xca\xfe\xba\xbe":
		return true
	}
	return string(begin[:2]) == "MZ"
}

func (d *diagnosis) write(asJSON bool, sarifFile string, stdout, stderr io.Writer) error {
	if sarifFile != "" {
		f, err := os.Create(sarifFile)
		if err != nil {
			return err
		}
		if err := errors.Join(sarif.Write(f, d.sarif()), f.Close()); err != nil {
			return err
		}
	}
	for _, p := range d.Problems {
		fmt.Fprintln(stderr, "stability doctor:", p)
	}
	if asJSON {
		encoder := json.NewEncoder(stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(d)
	}
	for _, f := range d.Mended {
		fmt.Fprintf(stdout, "mended: %s: %s\n", f.Subject, f.Mend)
	}
	for _, f := range d.Findings {
		fmt.Fprintln(stdout, f)
	}
	if len(d.Judged) > 0 && len(d.Findings) == 0 {
		fmt.Fprintf(stdout, "nothing to mend in %s\n", strings.Join(d.Judged, ", "))
	}
	return nil
}

// sarif returns the findings that stand in files.
func (d *diagnosis) sarif() sarif.Run {
	run := sarif.Run{Tool: sarif.Tool{Driver: sarif.Driver{Name: "stability doctor"}}, Results: []sarif.Result{}}
	for _, name := range doctor.RuleNames() {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarif.Rule{ID: name, ShortDescription: sarif.Text{Text: doctor.Rules[name]}})
	}
	for _, f := range d.Findings {
		if f.File == "" {
			continue
		}
		message := fmt.Sprintf("%s: %s. Why: %s. Mend: %s", f.Subject, f.What, f.Why, f.Mend)
		run.Results = append(run.Results, sarif.Result{
			RuleID: f.Rule, Level: sarif.Level(f.Level), Message: sarif.Text{Text: message}, Locations: []sarif.Location{sarif.At(f.File, f.Line, f.Column, "")},
		})
	}
	return run
}
