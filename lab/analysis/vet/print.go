package vet

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/falsifiable/stability/lab/analysis"
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
		if _, err := fmt.Fprintf(w, "%s:%d:%d: %s [%s]\n", relative(f.File), f.Line, f.Column, f.Message, f.Analyzer); err != nil {
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
		if _, err := fmt.Fprintf(w, "::warning file=%s,line=%d,col=%d,title=%s::%s\n",
			relative(f.File), f.Line, f.Column, f.Analyzer, escape.Replace(f.Message)); err != nil {
			return err
		}
	}
	return nil
}

// The parts of SARIF 2.1.0 that we fill in.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool    sarifTool     `json:"tool"`
		Results []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID      string    `json:"id"`
		Short   sarifText `json:"shortDescription"`
		HelpURI string    `json:"helpUri,omitempty"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID       string            `json:"ruleId"`
		Level        string            `json:"level"`
		Message      sarifText         `json:"message"`
		Locations    []sarifLocation   `json:"locations"`
		Related      []sarifLocation   `json:"relatedLocations,omitempty"`
		Fingerprints map[string]string `json:"partialFingerprints"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
		Message  *sarifText    `json:"message,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn,omitempty"`
	}
)

func location(file string, line, col int, message string) sarifLocation {
	l := sarifLocation{Physical: sarifPhysical{sarifArtifact{filepath.ToSlash(relative(file))}, sarifRegion{max(line, 1), col}}}
	if message != "" {
		l.Message = &sarifText{message}
	}
	return l
}

func printSARIF(w io.Writer, fs []Finding) error {
	run := sarifRun{Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "stability vet", InformationURI: "https://pkg.go.dev/github.com/falsifiable/stability/lab/analysis"}
	for _, a := range analysis.Suite() {
		line, _, _ := strings.Cut(a.Doc, "\n")
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{a.Name, sarifText{line}, a.URL})
	}
	for i := range fs {
		f := &fs[i]
		r := sarifResult{RuleID: f.Analyzer, Level: "warning", Message: sarifText{f.Message},
			Locations:    []sarifLocation{location(f.File, f.Line, f.Column, "")},
			Fingerprints: map[string]string{"stability/v1": f.Fingerprint()}}
		for _, rel := range f.Related {
			r.Related = append(r.Related, location(rel.File, rel.Line, 0, rel.Message))
		}
		run.Results = append(run.Results, r)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}})
}
