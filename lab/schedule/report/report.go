// Package report writes what stability test found: for people, as JSON, as JUnit XML and as SARIF.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/falsifiable/stability/lab/internal/junit"
	"github.com/falsifiable/stability/lab/schedule"
)

// What of a finding is for people; JSON has more.
const (
	textFrames = 5 // of a side
	textSides  = 8
	textPairs  = 12
)

// Text writes the report for people.
func Text(w io.Writer, r *schedule.Report) error {
	var b strings.Builder
	for _, warning := range r.Warnings {
		fmt.Fprintf(&b, "warning: %s\n", warning)
	}
	for _, f := range r.Findings {
		writeFinding(&b, r, f)
	}
	for _, u := range r.Units {
		if u.NotJudged != "" {
			fmt.Fprintf(&b, "not judged: %s: %s\n", unitName(u), u.NotJudged)
		}
	}
	var sum schedule.Unit
	for _, u := range r.Units {
		sum.Runs, sum.Acted, sum.Killed, sum.Slow = sum.Runs+u.Runs, sum.Acted+u.Acted, sum.Killed+u.Killed, sum.Slow+u.Slow
	}
	fmt.Fprintf(&b, "%d findings, %d of them proven; %d runs of %d units (%d too slow, %d killed), %d points acted (%s, seed %d)\n",
		len(r.Findings), len(r.Proven()), sum.Runs, len(r.Units), sum.Slow, sum.Killed, sum.Acted, r.GoVersion, r.Seed)
	_, err := io.WriteString(w, b.String())
	return err
}

func writeFinding(b *strings.Builder, r *schedule.Report, f schedule.Finding) {
	fmt.Fprintf(b, "== %s  %s  %s\n", f.Level, name(f), seen(f))
	for i, s := range f.Sides {
		if i == textSides {
			fmt.Fprintf(b, "   and %d other kinds of goroutines\n", len(f.Sides)-i)
			break
		}
		state := s.State
		if s.Leaked && f.Level == schedule.ProvenLeak && !allLeaked(f) {
			state += ", leaked"
		}
		fmt.Fprintf(b, "   %d × [%s]\n", s.Count, state)
		for _, frame := range s.Frames[:min(len(s.Frames), textFrames)] {
			fmt.Fprintf(b, "      %s  %s:%d\n", frame.Func, frame.File, frame.Line)
		}
		if s.CreatedBy.Func != "" {
			fmt.Fprintf(b, "      created by %s  %s:%d\n", s.CreatedBy.Func, s.CreatedBy.File, s.CreatedBy.Line)
		}
	}
	for _, sentence := range f.Waits {
		fmt.Fprintf(b, "   %s\n", sentence)
	}
	for i, p := range f.Pairs {
		if i == textPairs {
			fmt.Fprintf(b, "   and %d other pairs of places\n", len(f.Pairs)-i)
			break
		}
		fmt.Fprintf(b, "   %s\n", p)
	}
	for line := range strings.Lines(f.Text) {
		fmt.Fprintf(b, "   | %s\n", strings.TrimRight(line, "\n"))
	}
	for _, p := range f.Points {
		fmt.Fprintf(b, "   it takes: %s\n", p)
	}
	if f.Points != nil && len(f.Points) == 0 {
		fmt.Fprintf(b, "   it takes: nothing, a plain run shows it\n")
	}
	fmt.Fprintf(b, "   again: %s\n\n", again(r, f))
}

// seen says in which runs a finding was seen.
func seen(f schedule.Finding) string {
	plain := fmt.Sprintf("in %d of %d plain runs", f.SeenPlain, f.PlainRuns)
	if f.Seen == 0 {
		return "seen " + plain
	}
	text := fmt.Sprintf("seen in %d of %d runs", f.Seen, f.Runs)
	if f.FirstRun > 0 && f.Level != schedule.Failed {
		text += fmt.Sprintf(", first in run %d", f.FirstRun)
	}
	if f.SeenPlain > 0 {
		text += ", and " + plain
	}
	return text
}

// again is the command that shows a finding again.
func again(r *schedule.Report, f schedule.Finding) string {
	if f.FirstRun == 0 || f.Level == schedule.Failed {
		args := []string{"go test"}
		if r.Race {
			args = append(args, "-race")
		}
		if len(f.Tests) == 1 {
			args = append(args, "-run", quoted("^"+strings.ReplaceAll(f.Tests[0], "/", "$/^")+"$"))
		}
		return strings.Join(append(append(args, r.BuildFlags...), f.Package), " ")
	}
	text := "stability test " + replayArgs(r, f)
	switch {
	case f.Replayed > 0 && f.ReplaysLeft > 0:
		text += fmt.Sprintf(" (shown by %d of %d replays; there was no time for %d more)", f.Reproduced, f.Replayed, f.ReplaysLeft)
	case f.ReplaysLeft > 0:
		text += " (there was no time to try)"
	case f.Replayed > 0:
		text += fmt.Sprintf(" (shown by %d of %d replays)", f.Reproduced, f.Replayed)
	}
	return text
}

func allLeaked(f schedule.Finding) bool {
	return !slices.ContainsFunc(f.Sides, func(s schedule.Side) bool { return !s.Leaked })
}

// textTests is how many tests' names a finding has for people.
const textTests = 3

func name(f schedule.Finding) string {
	tests := f.Tests
	more := ""
	if n := len(tests) - textTests; n > 0 {
		tests, more = tests[:textTests], fmt.Sprintf(" and %d more", n)
	}
	if len(tests) == 0 {
		return f.Package
	}
	return f.Package + "." + strings.Join(tests, ", ") + more
}

func unitName(u schedule.Unit) string {
	if u.Test == "" {
		return u.Package
	}
	return u.Package + "." + u.Test
}

// replayArgs are the arguments that take the finding's schedule again, on a program built and called in the same way.
func replayArgs(r *schedule.Report, f schedule.Finding) string {
	var args []string
	if len(r.BuildFlags) > 0 {
		args = append(args, "-build", quoted(strings.Join(r.BuildFlags, " ")))
	}
	if r.Dir != "" {
		args = append(args, "-C", quoted(r.Dir))
	}
	if r.Rewritten {
		args = append(args, "-rewrite")
	}
	if r.Race {
		args = append(args, "-race")
	}
	args = append(args, "-replay", quoted(f.Schedule))
	if f.Each {
		args = append(args, "-each", "-run", quoted("^"+f.Tests[0]+"$"))
	}
	args = append(args, f.Package)
	if len(r.TestFlags) > 0 {
		args = append(args, "--")
		for _, flag := range r.TestFlags {
			args = append(args, quoted(flag))
		}
	}
	return strings.Join(args, " ")
}

// plain is what a shell takes as it stands.
var plain = regexp.MustCompile(`^[\w./:@%+,-]+$`)

// quoted is the word as a shell wants it.
func quoted(word string) string {
	if plain.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// JSON writes the report as JSON.
func JSON(w io.Writer, r *schedule.Report) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

// JUnit writes the report as JUnit XML: a case for each package or test, failed by its proven findings; a SUSPECT is
// output only.
func JUnit(w io.Writer, r *schedule.Report) error {
	suite := junit.Suite{Name: "stability test"}
	for _, u := range r.Units {
		c := junit.Case{Class: u.Package, Name: u.Test, Took: junit.Seconds(u.Elapsed.Seconds())}
		if c.Name == "" {
			c.Name = "schedules"
		}
		var proven, suspect strings.Builder
		message := ""
		for _, f := range r.Findings {
			if f.Package != u.Package || f.Each != (u.Test != "") || f.Each && f.Tests[0] != u.Test {
				continue
			}
			if f.Level == schedule.Suspect {
				writeFinding(&suspect, r, f)
				continue
			}
			writeFinding(&proven, r, f)
			if message == "" {
				message = strings.TrimSpace(f.Level.String() + " " + where(f))
			}
		}
		c.Output = suspect.String()
		switch {
		case proven.Len() > 0:
			c.Failure = &junit.Message{Message: message, Text: proven.String()}
		case u.Unknown():
			c.Error = &junit.Message{Message: "not judged", Text: u.NotJudged}
		case u.Empty:
			c.Skipped = &junit.Message{Message: "not judged", Text: u.NotJudged}
		}
		suite.Cases = append(suite.Cases, c)
	}
	return junit.Write(w, suite)
}

// where is the place to look at first.
func where(f schedule.Finding) string {
	for _, s := range f.Sides {
		if len(s.Frames) > 0 {
			return s.Frames[0].String()
		}
	}
	if len(f.Pairs) > 0 {
		return f.Pairs[0]
	}
	first, _, _ := strings.Cut(f.Text, "\n")
	return first
}
