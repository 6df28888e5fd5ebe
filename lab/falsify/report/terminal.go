package report

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/falsifiable/stability"
)

// Terminal writes a report for people. Color uses ANSI escapes; leave it off for anything that is not a terminal.
type Terminal struct {
	W     io.Writer
	Color bool
}

const (
	red    = "31"
	green  = "32"
	yellow = "33"
	faint  = "2"
	bold   = "1"
)

func (t Terminal) paint(style, text string) string {
	if !t.Color || style == "" {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}

func verdictStyle(v stability.Verdict) string {
	switch v {
	case stability.Proven:
		return green
	case stability.Refuted:
		return red
	}
	return yellow
}

// Plan writes what is about to be done.
func (t Terminal) Plan(r *Report) {
	fmt.Fprintf(t.W, "%s  %s, %s, tier %s, seed %d, time scale 1/%.4g, %s\n",
		t.paint(bold, r.Service), counted(len(r.Checks), "check"), counted(len(r.Faults), "fault"), r.Tier, r.Seed, 1/r.Scale, counted(r.Lanes, "lane"))
	fmt.Fprintf(t.W, "%s\n\n", t.paint(faint, "plan: "+r.Plan.String()))
}

func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprint(n, " ", noun)
}

// barWidth is the width of the progress bar in characters.
const barWidth = 30

// Progress draws the bar anew, in place on a terminal and as a line of its own every tenth elsewhere.
func (t Terminal) Progress(done, total int, run *Run, elapsed time.Duration) {
	if total == 0 {
		return
	}
	last := ""
	if run != nil {
		last = run.headline()
	}
	if !t.Color {
		if done == total || done*10/total != (done-1)*10/total {
			fmt.Fprintf(t.W, "%3d %%  %d of %d runs  %v\n", 100*done/total, done, total, elapsed.Round(time.Second))
		}
		return
	}
	filled := barWidth * done / total
	bar := strings.Repeat("━", filled) + t.paint(faint, strings.Repeat("━", barWidth-filled))
	fmt.Fprintf(t.W, "\r\x1b[K%s %d/%d  %v  %s", bar, done, total, elapsed.Round(time.Second), t.paint(faint, last))
	if done == total {
		fmt.Fprint(t.W, "\r\x1b[K")
	}
}

// headline is a run in a few words.
func (r *Run) headline() string {
	text := string(r.Kind)
	if r.Fault != "" {
		text = r.Fault
	}
	counts := make(map[Outcome]int)
	for _, o := range r.Outcomes {
		counts[o]++
	}
	for _, o := range []Outcome{FalseAlarm, Missed, Late, CrashedFirst, Firing, Unknown, NotInjected, TimedOut, Killed, Silent} {
		if counts[o] > 0 {
			return fmt.Sprintf("%s: %d %s", text, counts[o], o)
		}
	}
	return text
}

// Report writes the matrix, the verdicts and what they rest on.
func (t Terminal) Report(r *Report) {
	t.matrix(r)
	for _, c := range r.Checks {
		t.check(r, c)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(t.W, "%s %s\n", t.paint(yellow, "note:"), n)
	}
	if r.Interrupted != "" {
		fmt.Fprintf(t.W, "%s %s\n", t.paint(yellow, "ended early:"), r.Interrupted)
	}
	counts := r.Counts()
	fmt.Fprintf(t.W, "%s  %d proven, %d refuted, %d inconclusive, %d untested  (%.0f s, seed %d)\n",
		t.paint(bold+";"+verdictStyle(r.Verdict), strings.ToUpper(string(r.Verdict))), counts[stability.Proven], counts[stability.Refuted],
		counts[stability.Inconclusive], counts[stability.Untested], r.Took, r.Seed)
	if r.Scale != 1 {
		fmt.Fprintf(t.W, "%s\n", t.paint(faint, fmt.Sprintf("the contract's own times ran at 1/%.4g of their length; a slower tier tries them closer to the truth", 1/r.Scale)))
	}
}

// matrix has a row per check and a column per fault; the worst outcome of each cell and how often detection succeeded.
func (t Terminal) matrix(r *Report) {
	rows := [][]cellText{{{"check", bold}, {"verdict", bold}, {"no fault", bold}}}
	for _, f := range r.Faults {
		rows[0] = append(rows[0], cellText{f.ID, bold})
	}
	for _, c := range r.Checks {
		row := []cellText{{c.ID(), ""}, {string(c.Verdict), verdictStyle(c.Verdict)}, silenceText(c)}
		for _, cell := range c.Cells {
			row = append(row, summaryText(cell))
		}
		rows = append(rows, row)
	}
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, c := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, c := range row {
			line.WriteString(t.paint(c.style, c.text))
			if i < len(row)-1 {
				line.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text)+2))
			}
		}
		fmt.Fprintln(t.W, line.String())
	}
	fmt.Fprintln(t.W)
}

type cellText struct{ text, style string }

func silenceText(c *Check) cellText {
	events, trials := c.Controls.Events+c.Shams.Events, c.Controls.Trials+c.Shams.Trials
	switch {
	case trials == 0:
		return cellText{"–", faint}
	case events > 0:
		return cellText{fmt.Sprintf("FALSE-ALARM %d/%d", events, trials), red}
	}
	return cellText{fmt.Sprintf("silent %d/%d", trials, trials), green}
}

func summaryText(c *Cell) cellText {
	switch s := c.Summary(); {
	case s == Silent || s == "":
		return cellText{"·", faint}
	case c.Target && s == Killed:
		return cellText{fmt.Sprintf("KILLED %d/%d%s", c.Hits, c.Trials, inBrackets(c.Median)), green}
	case c.Target && c.Decision == "accepted":
		return cellText{fmt.Sprintf("KILLED %d/%d, %s", c.Hits, c.Trials, s), green}
	case c.Target:
		return cellText{fmt.Sprintf("%s %d/%d", s, c.Outcomes[s], c.Trials), red}
	default:
		return cellText{fmt.Sprintf("%s %d", s, c.Outcomes[s]), yellow}
	}
}

func inBrackets(seconds *float64) string {
	if seconds == nil {
		return ""
	}
	return " (" + contractTime(*seconds) + ")"
}

// contractTime writes seconds as people say them.
func contractTime(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d >= 10*time.Minute:
		return fmt.Sprintf("%.0fm", d.Minutes())
	case d >= time.Minute:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%.0fs", d.Seconds())
}

func (t Terminal) check(r *Report, c *Check) {
	fmt.Fprintf(t.W, "%s  %s: %s\n", t.paint(verdictStyle(c.Verdict), c.ID()), c.Verdict, c.Reason)
	for _, claim := range r.Claims(c) {
		fmt.Fprintf(t.W, "    %s\n", t.paint(faint, claim))
	}
	if words := r.lastWords(c); words != "" {
		fmt.Fprintf(t.W, "    %s\n", strings.ReplaceAll(words, "\n", "\n      "))
	}
	if c.Verdict == stability.Refuted || c.Verdict == stability.Inconclusive {
		fmt.Fprintf(t.W, "    again: stability falsify -%s -seed %d -only %s %s\n", r.Tier, r.Seed, c.ID(), r.Dir)
	}
}

// lastWords are those of the first fault run in which something else than the check failed, such as the service itself: a
// CRASHED-FIRST alone does not tell of what. It returns "" when there is none.
func (r *Report) lastWords(c *Check) string {
	const most = 8 // lines: a crash may print every stack
	for _, run := range r.Runs {
		if o := run.Outcomes[c.ID()]; run.Fault == "" || run.Fault != c.Fault || run.Note == "" || o == "" || o == Killed {
			continue
		}
		lines := strings.Split(strings.TrimSpace(run.Note), "\n")
		if len(lines) > most {
			lines = append(lines[:most], "…")
		}
		return fmt.Sprintf("run %d: %s", run.ID, strings.Join(lines, "\n"))
	}
	return ""
}

// Claims says in sentences what the counts support: per run, per hour, and on detection.
func (r *Report) Claims(c *Check) []string {
	var claims []string
	percent := func(share float64) string { return fmt.Sprintf("%.3g %%", 100*share) }
	level := percent(r.Plan.Confidence)
	if c.Controls.Trials > 0 {
		claims = append(claims, fmt.Sprintf("false alarms: %d in %d control runs, so in fewer than %s of runs at %s (interval %s to %s); %d in %d sham runs",
			c.Controls.Events, c.Controls.Trials, percent(c.Controls.Upper), level, percent(c.Controls.Interval.Low), percent(c.Controls.Interval.High),
			c.Shams.Events, c.Shams.Trials))
		claims = append(claims, fmt.Sprintf("per hour: below %.3g in the contract's time, which says nothing about what takes longer than a run to build up", c.FalseAlarmsPerHour))
	}
	if t := c.Target(); t != nil && t.Trials > 0 {
		text := fmt.Sprintf("detection under %s: %d of %d (interval %s to %s), %s", t.Fault, t.Hits, t.Trials, percent(t.Interval.Low), percent(t.Interval.High), outcomeLine(t))
		if t.Median != nil {
			text += ", median " + contractTime(*t.Median)
		}
		if t.P95 != nil {
			text += ", p95 " + contractTime(*t.P95)
		}
		claims = append(claims, text+" of a deadline of "+contractTime(t.Deadline))
	}
	return claims
}
