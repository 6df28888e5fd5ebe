package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/falsifiable/stability"
)

// Terminal writes a report for people. Color uses ANSI escapes; leave it off for anything that is not a terminal.
type Terminal struct {
	W     io.Writer
	Color bool
	Width int // in columns; no line is longer unless a single word is. Defaults to 100
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

// Plan writes what is about to be done: on the whole, and for each check.
func (t Terminal) Plan(r *Report) {
	t.printf(4, "%s  %s, %s, tier %s, seed %d, time scale 1/%.4g, %s",
		t.paint(bold, r.Service), counted(len(r.Checks), "check"), counted(len(r.Faults), "fault"), r.Tier, r.Seed, 1/r.Scale, counted(r.Lanes, "lane"))
	t.printf(4, "%s", t.paint(faint, "plan: "+r.Plan.String()))
	for _, c := range r.Checks {
		t.planOf(r, c)
	}
	fmt.Fprintln(t.W)
}

// planOf writes how one check is tried. What the catalogue or the experiment file says needs no reasons.
func (t Terminal) planOf(r *Report, c *Check) {
	f := r.Fault(c.Fault)
	if f == nil {
		t.printf(6, "  %s  %s", c.ID(), t.paint(yellow, "untested: "+orElse(c.Untested, "no fault was tried on it")))
		return
	}
	text := fmt.Sprintf("  %s  %s", c.ID(), f.Orders())
	if c.Trial == nil || c.Trial.Found != "expression" {
		t.printf(6, "%s", text)
		return
	}
	if c.Trial.Fires > 0 {
		text += fmt.Sprintf(", to fire after about %.3g s", c.Trial.Fires)
	}
	t.printf(6, "%s", text)
	for _, step := range c.Trial.Steps {
		t.printf(8, "      %s", t.paint(faint, step))
	}
	if len(c.Trial.Spoken) > 0 {
		text := "a stand-in speaks for " + strings.Join(c.Trial.Spoken, ", ") + ": the sensor is not tried"
		if c.Trial.Why != "" {
			text += "; " + c.Trial.Why
		}
		t.printf(8, "      %s", t.paint(yellow, text))
	}
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
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
	line := fmt.Sprintf("%s %d/%d  %v", bar, done, total, elapsed.Round(time.Second))
	if shown(line)+2+shown(last) <= t.width() { // a line that wraps cannot be drawn anew
		line += "  " + t.paint(faint, last)
	}
	fmt.Fprint(t.W, "\r\x1b[K", line)
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
	for _, o := range []Outcome{FalseAlarm, Missed, Late, CrashedFirst, Firing, Unknown, NotInjected, TimedOut, Noisy, Overloaded, Detected, Silent} {
		if counts[o] > 0 {
			return fmt.Sprintf("%s: %d %s", text, counts[o], o)
		}
	}
	return text
}

// Report writes the matrix, then what is to be known of the checks that are not proven, and what can be done, and last the
// verdict on the whole: the end is what stays on the screen.
func (t Terminal) Report(r *Report) {
	t.matrix(r)
	if claim := r.Proven(); claim != "" {
		t.printf(4, "%s", t.paint(faint, claim))
	}
	if load := r.LoadMet(); load != "" {
		t.printf(4, "%s", t.paint(faint, load))
	}
	fmt.Fprintln(t.W)
	for _, c := range r.Checks {
		if c.Verdict != stability.Proven {
			t.check(r, c)
		}
	}
	for _, n := range r.Notes {
		t.printf(4, "%s %s", t.paint(yellow, "note:"), n)
	}
	if r.Interrupted != "" {
		t.printf(4, "%s %s", t.paint(yellow, "ended early:"), r.Interrupted)
	}
	counts := r.Counts()
	t.printf(4, "%s  %d proven, %d refuted, %d inconclusive, %d untested  (%.0f s, seed %d)",
		t.paint(bold+";"+verdictStyle(r.Verdict), strings.ToUpper(string(r.Verdict))), counts[stability.Proven], counts[stability.Refuted],
		counts[stability.Inconclusive], counts[stability.Untested], r.Took, r.Seed)
	if r.Scale != 1 {
		t.printf(4, "%s", t.paint(faint, fmt.Sprintf("the contract's own times ran at 1/%.4g of their length; a slower tier tries them closer to the truth", 1/r.Scale)))
	}
}

// matrix has a row per check: its verdict, and what it did without a fault and under its own. A column for every fault would
// not fit a screen and be nearly all silence: other faults get a row where the check fired under them unexpectedly, and one
// line counts the rest.
func (t Terminal) matrix(r *Report) {
	width := 0
	for _, f := range r.Faults {
		width = max(width, utf8.RuneCountInString(f.ID))
	}
	rows := [][]cellText{{{"check", bold}, {"verdict", bold}, {"no fault", bold}, {"under its fault", bold}}}
	quiet, others := 0, 0
	for _, c := range r.Checks {
		own := cellText{"–", faint}
		if target := c.Target(); target != nil {
			own = faultText(target.Fault, width, summaryText(target))
		}
		rows = append(rows, []cellText{{c.ID(), ""}, {string(c.Verdict), verdictStyle(c.Verdict)}, silenceText(c), own})
		for _, cell := range c.Cells {
			fired, silent := cell.Outcomes[Collateral], cell.Outcomes[Silent]
			switch {
			case fired > 0:
				others++
				fault := faultText(cell.Fault, width, cellText{fmt.Sprintf("%s %d/%d", Collateral, fired, fired+silent), yellow})
				rows = append(rows, []cellText{{}, {}, {}, fault})
			case silent > 0:
				others++
				quiet++
			}
		}
	}
	t.table(rows)
	t.others(quiet, others)
}

// others counts the cells of the faults that were to prove other checks.
func (t Terminal) others(quiet, all int) {
	switch {
	case all == 0:
	case quiet < all:
		t.printf(4, "other checks' faults: silent, or expected to fire, in %d of %d cells; COLLATERAL in the others", quiet, all)
	default:
		t.printf(4, "other checks' faults: silent, or expected to fire, in all of %d cells", all)
	}
}

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

// summaryText is what a check did under one fault.
func summaryText(c *Cell) cellText {
	switch s := c.Summary(); {
	case s == Silent || s == "":
		return cellText{"·", faint}
	case c.Target && s == Detected:
		return cellText{fmt.Sprintf("DETECTED %d/%d%s", c.Hits, c.Trials, inBrackets(c.Median)), green}
	case c.Target && c.Decision == "accepted":
		return cellText{fmt.Sprintf("DETECTED %d/%d, %s", c.Hits, c.Trials, s), green}
	case c.Target:
		return cellText{fmt.Sprintf("%s %d/%d", s, c.Outcomes[s], c.runs()), red} // of all runs: some outcomes are no trials
	default:
		return cellText{fmt.Sprintf("%s %d/%d", s, c.Outcomes[s], c.runs()), yellow}
	}
}

// faultText names the fault, padded to a width, before what the check did under it.
func faultText(fault string, width int, did cellText) cellText {
	return cellText{fmt.Sprintf("%-*s  %s", width, fault, did.text), did.style}
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
	t.printf(4, "%s  %s: %s", t.paint(verdictStyle(c.Verdict), c.ID()), c.Verdict, c.Reason)
	if c.Verdict != stability.Untested {
		for _, claim := range r.claims(c, false) {
			t.printf(6, "    %s", t.paint(faint, claim))
		}
	}
	for _, advice := range r.WhatNow(c) {
		t.printf(6, "    %s %s", t.paint(yellow, "→"), advice)
	}
	for i, line := range r.lastWords(c) {
		t.printf(8, "%s%s", strings.Repeat(" ", min(4+2*i, 6)), line)
	}
	if c.Verdict == stability.Refuted || c.Verdict == stability.Inconclusive {
		command := fmt.Sprintf("    again: stability falsify -%s -seed %d -only %s %s", r.Tier, r.Seed, c.ID(), r.Dir)
		fmt.Fprintln(t.W, fold(command, t.width(), 8, " \\")) // a shell joins what is pasted
	}
}

// lastWords are those of the first fault run in which something else than the check failed, such as the service itself: a
// CRASHED-FIRST alone does not tell of what. There are none when there is no such run.
func (r *Report) lastWords(c *Check) []string {
	for _, run := range r.Runs {
		if o := run.Outcomes[c.ID()]; run.Fault == "" || run.Fault != c.Fault || run.Note == "" || o == "" || o == Detected {
			continue
		}
		note := fmt.Sprintf("run %d: %s", run.ID, strings.TrimSpace(strings.ReplaceAll(run.Note, "\t", "  ")))
		return shorten(strings.Split(note, "\n"))
	}
	return nil
}

// shorten keeps the first and the last lines: a crash says first of what it died, then every stack, and sometimes at the end
// what the last of them was.
func shorten(lines []string) []string {
	const first, last = 6, 3
	if len(lines) <= first+last+1 {
		return lines
	}
	left := fmt.Sprintf("… (%d lines)", len(lines)-first-last)
	return slices.Concat(lines[:first], []string{left}, lines[len(lines)-last:])
}

// Claims says in sentences what the counts support: per run, per hour, and on detection.
func (r *Report) Claims(c *Check) []string { return r.claims(c, true) }

func (r *Report) claims(c *Check, perHour bool) []string {
	var claims []string
	percent := func(share float64) string { return fmt.Sprintf("%.3g %%", 100*share) }
	level := percent(r.Plan.Confidence)
	if c.Controls.Trials > 0 {
		claims = append(claims, fmt.Sprintf("false alarms: %d in %d control runs, so in fewer than %s of runs at %s (interval %s to %s); %d in %d sham runs",
			c.Controls.Events, c.Controls.Trials, percent(c.Controls.Upper), level, percent(c.Controls.Interval.Low), percent(c.Controls.Interval.High),
			c.Shams.Events, c.Shams.Trials))
	}
	if c.Controls.Trials > 0 && perHour {
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
