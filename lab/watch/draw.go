package watch

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/internal/printable"
)

// Screen is what a view is drawn on.
type Screen struct {
	Width, Height int // in columns and lines; a Height of 0 is as high as needed
	Color         bool
	Trouble       bool // only checks that are violated or pending
}

// Draw returns the view as lines: the checks, the worst first, then what happened last. No line is wider than the screen, and no
// text that a service sends can do anything to the terminal.
func (s Screen) Draw(v *View) string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, s.cut(fmt.Sprintf(format, args...))) }
	state := "watched"
	if v.Stale {
		state = "its monitor has STOPPED: nothing here is up to date"
	} else if v.WarmingUp {
		state = "learning its baselines"
	}
	add("%s  up %v, last sample %v ago, %s", v.Service, v.Age.Round(time.Second), v.LastTick.Round(100*time.Millisecond), state)
	add("")
	rows := s.checks(v)
	if len(rows) == 0 {
		add("no check is in trouble")
	}
	lines = append(lines, rows...)
	add("")
	for _, t := range last(v.Transitions, 8) {
		what := t.Reason
		if what == "" {
			what = number(&t.Value) + " / " + number(&t.Threshold)
		}
		add("%s  %s/%s%s %v -> %v  %s", t.At.Local().Format(time.TimeOnly), t.Contract, t.Check, t.Labels, t.From, t.To, what)
	}
	if len(v.Evidence) > 0 {
		b := v.Evidence[0]
		add("")
		add("evidence %s  %s", b.ID, b.Signature)
	}
	if s.Height > 0 {
		lines = lines[:min(len(lines), s.Height)]
	}
	return strings.Join(lines, "\n") + "\n"
}

func last[T any](list []T, n int) []T {
	kept := slices.Clone(list[max(0, len(list)-n):])
	slices.Reverse(kept)
	return kept
}

// worst first.
var order = []stability.State{stability.Violated, stability.Pending, stability.Unknown, stability.Holding}

var colors = map[stability.State]string{stability.Violated: "31", stability.Pending: "33", stability.Unknown: "90", stability.Holding: "32"}

func (s Screen) checks(v *View) (rows []string) {
	const spark = 20
	for _, state := range order {
		if s.Trouble && state != stability.Violated && state != stability.Pending {
			continue
		}
		for _, c := range v.Contracts {
			for _, k := range c.Checks {
				if k.State != state {
					continue
				}
				course, value := v.Courses[c.Name+"/"+k.Name], ""
				if course.Last != "" {
					value = course.Last + " / " + course.Limit
				}
				note := k.Reason
				if note == "" {
					note = k.Expr
				}
				line := fmt.Sprintf("%-8v  %-30s  %-*s  %-20s  %s", state, c.Name+"/"+k.Name, spark, course.Line, value, note)
				rows = append(rows, s.paint(s.cut(line), state))
			}
		}
	}
	return rows
}

func (s Screen) paint(line string, state stability.State) string {
	if !s.Color {
		return line
	}
	word := state.String()
	return "\x1b[" + colors[state] + "m" + word + "\x1b[0m" + strings.TrimPrefix(line, word)
}

// cut makes text harmless and no wider than the screen; a letter of two columns counts as two.
func (s Screen) cut(text string) string {
	text = strings.NewReplacer("\n", " ", "\t", " ").Replace(printable.String(text))
	used := 0
	for i, r := range text {
		if used += columns(r); used > s.Width {
			return text[:i]
		}
	}
	return text
}

func columns(r rune) int {
	if r >= 0x1100 && utf8.RuneLen(r) >= 3 && (r <= 0x115f || r >= 0x2e80 && r <= 0xa4cf || r >= 0xac00 && r <= 0xd7a3 || r >= 0xf900 && r <= 0xfaff || r >= 0xfe30 && r <= 0xfe6f || r >= 0xff00 && r <= 0xff60 || r >= 0x1f300) {
		return 2
	}
	return 1
}

func number(v *float64) string {
	if v == nil {
		return "–"
	}
	return fmt.Sprintf("%.5g", *v)
}
