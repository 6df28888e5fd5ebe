package vet

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/falsifiable/stability/lab/analysis"
	"github.com/falsifiable/stability/lab/internal/sarif"
)

// relative is path as seen from the working directory, if it lies below it.
func relative(path string) string {
	wd, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(wd, path); err == nil && !strings.HasPrefix(rel, "..") {
		return rel
	}
	return path
}

func printText(w io.Writer, fs []Finding) error {
	for _, f := range fs {
		if _, err := fmt.Fprintf(w, "%s:%d:%d: %s %s\n", relative(f.File), f.Line, f.Column, f.Message, f.label()); err != nil {
			return err
		}
		for _, r := range f.Related {
			if _, err := fmt.Fprintf(w, "\t%s:%d: %s\n", relative(r.File), r.Line, r.Message); err != nil {
				return err
			}
		}
	}
	return nil
}

// label says which analyzer has found it, and how severe it is.
func (f *Finding) label() string {
	return strings.TrimSpace("[" + f.Analyzer + "] " + f.Severity)
}

// level is that of SARIF.
func (f *Finding) level() sarif.Level {
	switch f.Severity {
	case "hang", "race":
		return sarif.Error
	case "risk":
		return sarif.Note
	}
	return sarif.Warning
}

// command is the workflow command that shows it.
func (f *Finding) command() string {
	switch f.level() {
	case sarif.Error:
		return "error"
	case sarif.Note:
		return "notice"
	}
	return "warning"
}

func printJSON(w io.Writer, fs []Finding) error {
	if fs == nil {
		fs = []Finding{}
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(struct {
		Findings []Finding `json:"findings"`
	}{fs})
}

// printGitHub prints workflow commands, which GitHub shows beside the lines of a pull request.
func printGitHub(w io.Writer, fs []Finding) error {
	escape := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	for _, f := range fs {
		if _, err := fmt.Fprintf(w, "::%s file=%s,line=%d,col=%d,title=%s::%s\n",
			f.command(), relative(f.File), f.Line, f.Column, f.Analyzer, escape.Replace(f.Message)); err != nil {
			return err
		}
	}
	return nil
}

func location(file string, line, col int, message string) sarif.Location {
	return sarif.At(filepath.ToSlash(relative(file)), line, col, message)
}

func printSARIF(w io.Writer, fs []Finding) error {
	run := sarif.Run{Tool: sarif.Tool{Driver: sarif.Driver{
		Name: "stability vet", InformationURI: "https://pkg.go.dev/github.com/falsifiable/stability/lab/analysis"}}}
	for _, a := range analysis.Suite() {
		line, _, _ := strings.Cut(a.Doc, "\n")
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarif.Rule{ID: a.Name, ShortDescription: sarif.Text{Text: line}, HelpURI: a.URL})
	}
	for i := range fs {
		f := &fs[i]
		r := sarif.Result{RuleID: f.Analyzer, Level: f.level(), Message: sarif.Text{Text: f.Message},
			Locations:           []sarif.Location{location(f.File, f.Line, f.Column, "")},
			PartialFingerprints: map[string]string{"stability/v1": f.Fingerprint()}}
		for _, rel := range f.Related {
			r.RelatedLocations = append(r.RelatedLocations, location(rel.File, rel.Line, 0, rel.Message))
		}
		run.Results = append(run.Results, r)
	}
	return sarif.Write(w, run)
}
