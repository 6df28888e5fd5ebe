package vet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// vulnerable names the dependencies whose versions are known to be vulnerable. It asks govulncheck, whose data is not ours to
// keep; where that is not installed, or has no data, it says so on stderr and returns nothing.
func vulnerable(stderr io.Writer) []Finding {
	path, err := exec.LookPath("govulncheck")
	if err != nil {
		fmt.Fprintln(stderr, "vet: govulncheck is not installed: known vulnerabilities were not looked up")
		return nil
	}
	var errs bytes.Buffer
	cmd := exec.Command(path, "-scan", "module", "-format", "json")
	cmd.Stderr = &errs
	out, err := cmd.Output()
	findings, parseErr := parseVulns(bytes.NewReader(out))
	if err != nil || parseErr != nil {
		why, _, _ := strings.Cut(strings.TrimSpace(errs.String()), "\n")
		fmt.Fprintf(stderr, "vet: govulncheck: %v: known vulnerabilities were not looked up: %s\n", firstError(err, parseErr), why)
		return nil
	}
	return findings
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// parseVulns reads the messages that govulncheck prints: of each vulnerability what it is, and of each finding which module has
// it, and the version without it.
func parseVulns(r io.Reader) ([]Finding, error) {
	type frame struct{ Module, Version string }
	type message struct {
		OSV *struct {
			ID, Summary string
			Aliases     []string
		}
		Finding *struct {
			OSV          string
			FixedVersion string  `json:"fixed_version"`
			Trace        []frame `json:"trace"`
		}
	}
	summaries := make(map[string]string)
	seen := make(map[string]bool)
	var out []Finding
	dec := json.NewDecoder(r)
	for {
		var m message
		if err := dec.Decode(&m); err == io.EOF {
			break
		} else if err != nil {
			return nil, fmt.Errorf("vet: reading what govulncheck says: %w", err)
		}
		switch {
		case m.OSV != nil:
			summaries[m.OSV.ID] = strings.Join(append([]string{m.OSV.ID}, m.OSV.Aliases...), ", ") + ": " + m.OSV.Summary
		case m.Finding != nil && len(m.Finding.Trace) > 0:
			f := m.Finding
			at := f.Trace[len(f.Trace)-1]
			if seen[f.OSV+at.Module] {
				continue
			}
			seen[f.OSV+at.Module] = true
			mend := "there is no version without it yet"
			if f.FixedVersion != "" {
				mend = "mended in " + f.FixedVersion
			}
			out = append(out, Finding{Analyzer: "vulns", File: goMod(), Line: 1, Column: 1, Package: at.Module, Severity: "risk",
				Message: fmt.Sprintf("%s %s has a known vulnerability, %s; %s", at.Module, at.Version, summaries[f.OSV], mend)})
		}
	}
	slices.SortFunc(out, func(a, b Finding) int { return strings.Compare(a.Message, b.Message) })
	return out, nil
}

// goMod returns the path of the main module's go.mod.
func goMod() string {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if path := strings.TrimSpace(string(out)); err == nil && path != "" {
		return path
	}
	return filepath.FromSlash("go.mod")
}
