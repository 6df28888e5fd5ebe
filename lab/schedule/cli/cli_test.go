package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/falsifiable/stability/lab/schedule"
)

// TestArguments: what the command's flags make of the configuration. Nothing is run: the folder has no module.
func TestArguments(t *testing.T) {
	var c schedule.Config
	var out outputs
	ours, theirs := splitFlags([]string{"-race", "-runs", "3", "-tags", "a,b", "./x", "./y", "--", "-test.short", "--", "-v"})
	f := newFlags(&c, &out, new(bytes.Buffer))
	if err := f.Parse(ours); err != nil {
		t.Fatal(err)
	}
	if !c.Race || c.Runs != 3 || out.tags != "a,b" || !slices.Equal(f.Args(), []string{"./x", "./y"}) {
		t.Errorf("configuration %+v, outputs %+v, packages %q", c, out, f.Args())
	}
	if !slices.Equal(theirs, []string{"-test.short", "--", "-v"}) {
		t.Errorf("the test binary gets %q, want all that is after the first --", theirs)
	}
}

// TestExitCodes: what is wrong before anything was run. The codes of what was found are tried in package schedule.
func TestExitCodes(t *testing.T) {
	empty := t.TempDir()
	t.Setenv("GOWORK", "off")
	for _, test := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"help", []string{"-h"}, ExitClean, "usage: stability test"},
		{"no such flag", []string{"-no-such-flag"}, ExitUsage, "no-such-flag"},
		{"no number", []string{"-runs", "many"}, ExitUsage, "many"},
		{"no module", []string{"-q", "-C", empty}, ExitError, "go.mod"},
		{"no schedule", []string{"-q", "-C", empty, "-replay", "garbage"}, ExitError, `"garbage" is not key=value`},
	} {
		var stdout, stderr bytes.Buffer
		if code := Main(t.Context(), test.args, &stdout, &stderr); code != test.code {
			t.Errorf("%s: exit code %d, want %d", test.name, code, test.code)
		}
		if !strings.Contains(stderr.String(), test.says) {
			t.Errorf("%s: %q, want %q in it", test.name, stderr.String(), test.says)
		}
	}
}

// TestReportFiles: each file is written, and one that cannot be is an error. Standard output is text, or nothing but JSON.
func TestReportFiles(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	out := outputs{junit: at("r.xml"), sarif: at("r.sarif")}
	var stdout bytes.Buffer
	if err := out.write(&schedule.Report{GoVersion: "go1.26"}, &stdout); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{out.junit, out.sarif} {
		if text, err := os.ReadFile(path); err != nil || len(text) == 0 {
			t.Errorf("%s: %v, %d bytes", filepath.Base(path), err, len(text))
		}
	}
	if !strings.Contains(stdout.String(), "0 findings") {
		t.Errorf("for people: %q", stdout.String())
	}
	out.json = true
	stdout.Reset()
	if err := out.write(&schedule.Report{GoVersion: "go1.26"}, &stdout); err != nil || !json.Valid(stdout.Bytes()) {
		t.Errorf("for machines: %v, %q", err, stdout.String())
	}
	out.junit = at("no/such/folder")
	if err := out.write(&schedule.Report{}, &stdout); err == nil {
		t.Error("no error for a file that cannot be written")
	}
}
