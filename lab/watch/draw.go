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
	lines = append(lines, s.fit(rows, v)...)
	add("")
	for _, e := range v.events() {
		add("%s  %s", e.at.Local().Format(time.TimeOnly), e.text)
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

// event is something that happened, in a line.
type event struct {
	at   time.Time
	text string
}

// events returns what happened last, the latest first: changes of a check's state, and what defenses did.
func (v *View) events() []event {
	list := make([]event, 0, len(v.Transitions)+len(v.Actions))
	for _, t := range v.Transitions {
		what := t.Reason
		if what == "" {
			what = number(&t.Value) + " / " + number(&t.Threshold)
		}
		list = append(list, event{t.At, fmt.Sprintf("%s/%s%s %v -> %v  %s", t.Contract, t.Check, t.Labels, t.From, t.To, what)})
	}
	for _, a := range v.Actions {
		list = append(list, event{a.At, a.String()})
	}
	slices.SortStableFunc(list, func(a, b event) int { return b.at.Compare(a.at) })
	return list[:min(len(list), eventsShown)]
}

// worst first.
var order = []stability.State{stability.Violated, stability.Pending, stability.Unknown, stability.Holding}

var colors = map[stability.State]string{stability.Violated: "31", stability.Pending: "33", stability.Unknown: "90", stability.Holding: "32"}

// eventsShown is how many events are told at most.
const eventsShown = 8

// fit leaves as many rows as there is room for beside what happened, and says how many it left out.
func (s Screen) fit(rows []string, v *View) []string {
	const around = 3 // the head, and the lines between the parts
	events := min(eventsShown, len(v.Transitions)+len(v.Actions))
	if len(v.Evidence) > 0 {
		events += 2
	}
	room := max(s.Height-around-events, 1)
	if s.Height == 0 || len(rows) <= room {
		return rows
	}
	left := len(rows) - room + 1
	return append(rows[:room-1:room-1], s.cut(fmt.Sprintf("… and %d checks more, none of them worse", left)))
}

// row is what is told of a check.
type row struct {
	state             stability.State
	name, value, line string
	note              string
}

func (s Screen) checks(v *View) (lines []string) {
	rows := s.rows(v)
	name, value := 0, 0
	for _, r := range rows {
		name, value = max(name, utf8.RuneCountInString(r.name)), max(value, utf8.RuneCountInString(r.value))
	}
	name = min(name, max(20, s.Width-9-2-value-2)) // the value is worth more than the end of a name
	for _, r := range rows {
		text := fmt.Sprintf("%-8v  %-*s  %-*s  %-20s  %s", r.state, name, cutRunes(r.name, name), value, r.value, r.line, r.note)
		lines = append(lines, s.paint(strings.TrimRight(s.cut(text), " "), r.state))
	}
	return lines
}

// rows are the checks, the worst first.
func (s Screen) rows(v *View) (rows []row) {
	for _, state := range order {
		if s.Trouble && state != stability.Violated && state != stability.Pending {
			continue
		}
		for _, c := range v.Contracts {
			for _, k := range c.Checks {
				if k.State != state {
					continue
				}
				course, r := v.Courses[c.Name+"/"+k.Name], row{state: state, name: c.Name + "/" + k.Name, note: k.Reason}
				if course.Last != "" {
					r.value, r.line = course.Last+" / "+course.Limit, course.Line
				}
				if r.note == "" {
					r.note = k.Expr
				}
				rows = append(rows, r)
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

// cutRunes returns at most n letters of a text, whose harm cut takes out.
func cutRunes(text string, n int) string {
	letters := []rune(text)
	if len(letters) <= n {
		return text
	}
	return string(letters[:n-1]) + "…"
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
