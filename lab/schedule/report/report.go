// Package report writes what stability test found: for people, as JSON, as JUnit XML and as SARIF.
package report

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/falsifiable/stability/lab/schedule"
)

// textFrames is how many frames of a side are for people; JSON has more.
const textFrames = 5

// Text writes the report for people.
func Text(w io.Writer, r *schedule.Report) error {
	var b strings.Builder
	for _, warning := range r.Warnings {
		fmt.Fprintf(&b, "warning: %s\n", warning)
	}
	for _, f := range r.Findings {
		writeFinding(&b, r, f)
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
	fmt.Fprintf(b, "== %s  %s  seen in %d of %d runs, first in run %d\n", f.Level, name(f), f.Seen, f.Runs, f.FirstRun)
	for _, s := range f.Sides {
		fmt.Fprintf(b, "   %d × [%s]\n", s.Count, s.State)
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
	for line := range strings.Lines(f.Text) {
		fmt.Fprintf(b, "   | %s\n", strings.TrimRight(line, "\n"))
	}
	for _, p := range f.Points {
		fmt.Fprintf(b, "   it takes: %s\n", p)
	}
	if f.Points != nil && len(f.Points) == 0 {
		fmt.Fprintf(b, "   it takes: nothing, a plain run shows it\n")
	}
	fmt.Fprintf(b, "   again: stability test %s (shown by %d of %d replays)\n\n", replayArgs(r, f), f.Reproduced, f.Replayed)
}

func name(f schedule.Finding) string {
	if f.Test != "" {
		return f.Package + "." + f.Test
	}
	return f.Package
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
	if f.Test != "" {
		args = append(args, "-each", "-run", quoted("^"+f.Test+"$"))
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

type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Seconds float64       `xml:"time,attr"`
	Failure *junitFailure `xml:"failure,omitempty"`
	Output  string        `xml:"system-out,omitempty"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// JUnit writes the report as JUnit XML: a case for each package or test, failed by its proven findings; a SUSPECT is
// output only.
func JUnit(w io.Writer, r *schedule.Report) error {
	suite := junitSuite{Name: "stability test", Tests: len(r.Units)}
	for _, u := range r.Units {
		c := junitCase{Class: u.Package, Name: u.Test, Seconds: u.Elapsed.Round(time.Millisecond).Seconds()}
		if c.Name == "" {
			c.Name = "schedules"
		}
		var proven, suspect strings.Builder
		message := ""
		for _, f := range r.Findings {
			if f.Package != u.Package || f.Test != u.Test {
				continue
			}
			if f.Level == schedule.Suspect {
				writeFinding(&suspect, r, f)
				continue
			}
			writeFinding(&proven, r, f)
			if message == "" {
				message = f.Level.String() + " " + where(f).String()
			}
		}
		c.Output = suspect.String()
		if proven.Len() > 0 {
			suite.Failures++
			c.Failure = &junitFailure{message, proven.String()}
		}
		suite.Cases = append(suite.Cases, c)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	return enc.Encode(suite)
}

// where is the place to look at first.
func where(f schedule.Finding) schedule.Frame {
	for _, s := range f.Sides {
		if len(s.Frames) > 0 {
			return s.Frames[0]
		}
	}
	return schedule.Frame{}
}
