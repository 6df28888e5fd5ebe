package schedule

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/falsifiable/stability/lab/internal/dying"
)

// failLine is package testing's word on a test that failed.
var failLine = regexp.MustCompile(`^( *)--- FAIL: (\S+)`)

const (
	failureLines = 16 // of what a failed test printed
	crashLines   = 24 // of what a crash printed: the message and the innermost frames
	lastLines    = 8  // of the output, when neither says what failed
	raceExitCode = 66 // of a program whose race detector has reported
	raceMessage  = "race detected during execution of test"
)

// failures returns what failed in a run: each test, or the crash. What the race detector's reports say already is left
// out.
func failures(r result) []Finding {
	if !r.failed && !r.killed {
		return nil
	}
	level := Suspect
	if r.plain {
		level = Failed
	}
	if r.killed {
		return []Finding{{Level: level, Text: "the run did not end in time and left no report", keys: []string{"killed"}}}
	}
	if len(r.races) > 0 && r.code == raceExitCode {
		return nil
	}
	found := failedTests(r, level)
	if at := dying.Line.FindStringIndex(r.output); at != nil {
		return crash(r, found, r.output[at[0]:])
	}
	if len(found) > 0 || len(r.races) > 0 { // a race outside of all tests fails the program, and names none
		return slices.DeleteFunc(found, func(f Finding) bool { return len(r.races) > 0 && f.Text == raceMessage })
	}
	// A program that ends itself prints what it likes, or nothing.
	if level = Crashed; r.plain {
		level = Failed
	}
	end := fmt.Sprintf("with exit code %d", r.code)
	if r.signal != "" {
		end = "by the signal " + r.signal
	}
	f := Finding{Level: level, Text: fmt.Sprintf("the program ended %s\n%s", end, lastOf(r.output, lastLines))}
	if r.trace != nil {
		for _, g := range r.trace.gs {
			if g.exits && g.test != "" {
				f.Tests = []string{g.test}
			}
		}
	}
	f.Text, f.keys = strings.TrimSpace(f.Text), []string{fmt.Sprintf("fail %s exit %d", strings.Join(f.Tests, " "), r.code)}
	return []Finding{f}
}

// failedTests returns a finding for each test that package testing has named, with what it printed.
func failedTests(r result, level Level) (found []Finding) {
	var f *Finding
	var indent string
	lines := 0
	for line := range strings.Lines(r.output) {
		line = strings.TrimRight(line, "\n")
		m := failLine.FindStringSubmatch(line)
		switch {
		case m != nil && (f == nil || len(m[1]) <= len(indent)):
			found = append(found, Finding{Level: level, Tests: []string{m[2]}, keys: []string{"fail " + m[2]}})
			f, indent, lines = &found[len(found)-1], m[1], 0
		case f == nil:
		case !strings.HasPrefix(line, indent+" "):
			f = nil
		case lines < failureLines:
			f.Text += strings.TrimSpace(line) + "\n"
			lines++
		case lines == failureLines:
			f.Text += "...\n"
			lines++
		}
	}
	for i := range found {
		found[i].Text = strings.TrimSpace(found[i].Text)
		if _, message, ok := strings.Cut(found[i].Text, ": "); ok && message == raceMessage {
			found[i].Text = raceMessage
		}
	}
	return found
}

// crash is the finding of a program that died. The tests that failed before it did are findings of their own.
func crash(r result, found []Finding, text string) []Finding {
	f := Finding{Level: Crashed, Text: firstOf(text, crashLines)}
	if r.plain {
		f.Level = Failed
	}
	f.Tests = testsIn(f.Text)
	if n := len(found); n > 0 && !slices.ContainsFunc(f.Tests, func(t string) bool { return !strings.HasPrefix(found[n-1].Tests[0], t) }) {
		f.Tests = found[n-1].Tests // package testing names the test in which the panic was right before it
		found = found[:n-1]
	}
	f.keys = []string{crashKey(text, r.goroot)}
	if len(f.Tests) > 0 {
		f.keys = append(f.keys, "fail "+strings.Join(f.Tests, " "))
	}
	return append(found, f)
}

// crashKey is what crashes of one mistake have in common: the message, and of a panic, whose message many mistakes share, the
// innermost place outside of the standard library. A fatal error, such as of a map in use, comes up in either of two places.
func crashKey(text, goroot string) string {
	message, stack, _ := strings.Cut(text, "\n")
	key := "crash " + addresses.ReplaceAllString(message, "0x")
	if !strings.HasPrefix(message, "panic: ") {
		return key
	}
	for line := range strings.Lines(stack) {
		place, _, ok := strings.Cut(line, " +0x")
		if ok && strings.HasPrefix(place, "\t") && !isStandard(strings.TrimSpace(place), goroot) {
			return key + " at " + strings.TrimSpace(place)
		}
	}
	return key
}

// addresses differ in each run.
var addresses = regexp.MustCompile(`0x[0-9a-f]+`)

func firstOf(text string, n int) string {
	lines := strings.SplitAfterN(text, "\n", n+1)
	return strings.TrimSpace(strings.Join(lines[:min(n, len(lines))], ""))
}

func lastOf(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(len(lines)-n, 0):], "\n")
}
