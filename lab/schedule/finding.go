package schedule

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/falsifiable/stability/evidence/goroutines"
)

// Level is what kind of fact a finding is. Levels are never mixed: a SUSPECT does not become a leak by being seen often,
// only by a run that proves it.
type Level uint8

// The levels, the surest last.
const (
	// Suspect: blocked and still reachable, still at work after the tests, or failed only under a schedule. It is the zero
	// Level.
	Suspect Level = iota
	// Crashed: the program panicked or exited under a schedule, not in a plain run. Go allows the schedule.
	Crashed
	// Failed: the tests fail, panic or exit in a plain run, as they would under go test.
	Failed
	// Hung: a run did not end in its time, and either nothing in it moved any more, or a plain run takes only a small
	// part of that time.
	Hung
	// Cycle: reachable goroutines wait for each other in a circle of locks. Only another goroutine which unlocks what
	// it did not lock could end it.
	Cycle
	// Race: the race detector's report.
	Race
	// Deadlock: every goroutine is blocked and nothing is left outside to wake one.
	Deadlock
	// ProvenLeak: the garbage collector found that nothing alive can ever wake the goroutine.
	ProvenLeak
)

var levelNames = [...]string{"SUSPECT", "CRASHED", "FAILED", "HUNG", "CYCLE", "RACE", "DEADLOCK", "PROVEN-LEAK"}

// Levels returns all levels, the surest first.
func Levels() []Level {
	var all []Level
	for l := range levelNames {
		all = append(all, Level(len(levelNames)-1-l))
	}
	return all
}

// String returns the level's word in capitals.
func (l Level) String() string { return levelNames[min(int(l), len(levelNames)-1)] }

// MarshalText returns the level's String.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// Finding is one thing found, however often and on however many schedules.
type Finding struct {
	Level   Level  `json:"level"`
	Package string `json:"package"`
	// Tests are those whose goroutines take part, or that fail; none if that is not known.
	Tests []string `json:"tests,omitempty"`
	// Each is true if the schedule is for the test run by itself, as with Config.Each.
	Each bool `json:"each,omitempty"`
	// Sides are the goroutines that take part, each distinct stack once.
	Sides []Side `json:"sides,omitempty"`
	// Waits says in sentences who waits for what, who holds it, and who used it last.
	Waits []string `json:"waits,omitempty"`
	// Pairs are the pairs of places that race.
	Pairs []string `json:"pairs,omitempty"`
	// Text is what the race detector or the failed test printed, or what there is to say besides.
	Text string `json:"text,omitempty"`
	// Seen is how many of Runs schedules showed it. FirstRun is the number, from 1, of the first that showed it as a
	// fact (or as a SUSPECT, if none showed more than that); 0 if none showed it.
	Seen     int `json:"seen"`
	Runs     int `json:"runs"`
	FirstRun int `json:"first_run"`
	// SeenPlain is how many of PlainRuns runs without perturbation showed it.
	SeenPlain int `json:"seen_plain"`
	PlainRuns int `json:"plain_runs"`
	// Schedule is that of FirstRun, as Config.Replay takes it. Reproduced is how many of Replayed replays of it showed
	// the finding again, ReplaysLeft how many replays there was no time for.
	Schedule    string `json:"schedule"`
	Reproduced  int    `json:"reproduced"`
	Replayed    int    `json:"replayed"`
	ReplaysLeft int    `json:"replays_left,omitempty"`
	// Points are the fewest points at which a goroutine has to be held back to show it, if Config.Minimize asked for
	// them; Minimal is a schedule that does only that.
	Points  []string `json:"points,omitempty"`
	Minimal string   `json:"minimal_schedule,omitempty"`

	keys  []string // findings of one package that share one are the same
	trace *trace
	shown map[run]bool
}

// run is one run of a unit, plain or on a schedule.
type run struct {
	unit  string
	n     int
	plain bool
}

// count sets the numbers of runs that showed it.
func (f *Finding) count() {
	f.Seen, f.SeenPlain = 0, 0
	for r := range f.shown {
		if r.plain {
			f.SeenPlain++
		} else {
			f.Seen++
		}
	}
}

// Frame is a function and a place in it.
type Frame struct {
	Func string `json:"func"`
	File string `json:"file"`
	Line int    `json:"line"`
}

// String returns "func file:line".
func (f Frame) String() string { return fmt.Sprintf("%s %s:%d", f.Func, f.File, f.Line) }

// Side is a goroutine's part in a finding.
type Side struct {
	Count int    `json:"count"`
	State string `json:"state"`
	// Leaked is true if the garbage collector has proven that nothing alive can wake it.
	Leaked bool `json:"leaked,omitempty"`
	// Frames are the innermost ones outside of the standard library; CreatedBy is the go statement.
	Frames    []Frame `json:"frames"`
	CreatedBy Frame   `json:"created_by"`
}

// sideFrames is how many frames a side keeps.
const sideFrames = 24

func sideOf(s goroutines.Stack) Side {
	side := Side{Count: s.Count, State: string(s.State), Leaked: s.Leaked, CreatedBy: Frame(s.CreatedBy)}
	where := s.Where()
	for i, f := range s.Frames {
		if f == where {
			for _, f := range s.Frames[i:min(i+sideFrames, len(s.Frames))] {
				side.Frames = append(side.Frames, Frame(f))
			}
			break
		}
	}
	return side
}

func (s Side) key() string {
	var b strings.Builder
	fmt.Fprintf(&b, "side %s|%s:%d", s.State, s.CreatedBy.File, s.CreatedBy.Line)
	for _, f := range s.Frames {
		fmt.Fprintf(&b, "|%s:%d", f.File, f.Line)
	}
	return b.String()
}

// sides returns the distinct sides of the goroutines in an order that does not depend on their ids.
func sides(gs []goroutine) []Side {
	var all []Side
	for _, g := range gs {
		all = append(all, sideOf(g.stack))
	}
	return joinSides(all, func(a, b int) int { return a + b })
}

// joinSides joins equal sides into one, whose count is what count makes of theirs.
func joinSides(all []Side, count func(a, b int) int) []Side {
	byKey := map[string]*Side{}
	for _, s := range all {
		if known, ok := byKey[s.key()]; ok {
			known.Count, known.Leaked = count(known.Count, s.Count), known.Leaked || s.Leaked
		} else {
			byKey[s.key()] = &s
		}
	}
	var out []Side
	for _, s := range byKey {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b Side) int { return cmp.Compare(a.key(), b.key()) })
	return out
}

// same tells whether two findings are one: they have a place in common.
func (f *Finding) same(g *Finding) bool {
	return f.Package == g.Package && slices.ContainsFunc(f.keys, func(k string) bool { return slices.Contains(g.keys, k) })
}

// join adds what g shows of the same thing. The surer of the two says what it is and how to see it again.
func (f *Finding) join(g Finding) {
	sum := Finding{
		Sides: joinSides(slices.Concat(f.Sides, g.Sides), func(a, b int) int { return max(a, b) }),
		keys:  union(f.keys, g.keys), Tests: union(f.Tests, g.Tests), Pairs: union(f.Pairs, g.Pairs),
		shown: maps.Clone(f.shown), Runs: f.Runs + g.Runs, PlainRuns: f.PlainRuns + g.PlainRuns,
	}
	maps.Copy(sum.shown, g.shown)
	level := max(f.Level, g.Level)
	if f.FirstRun > 0 == (g.FirstRun > 0) || f.Level == Suspect || g.Level == Suspect {
		if g.Level > f.Level {
			*f = g
		}
	} else if g.FirstRun > 0 { // both are facts, but only one is shown by a schedule
		*f = g
	}
	f.Level = level
	f.Sides, f.keys, f.Tests, f.Pairs, f.shown = sum.Sides, sum.keys, sum.Tests, sum.Pairs, sum.shown
	f.Runs, f.PlainRuns = sum.Runs, sum.PlainRuns
	f.count()
}

func union(a, b []string) []string {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(slices.Clip(a), s)
		}
	}
	return a
}

// addFinding joins f with the finding in the list that is the same, or appends it. If several are the same as f, they
// become one.
func addFinding(list []Finding, f Finding) []Finding {
	at := -1
	for i := 0; i < len(list); i++ {
		if !list[i].same(&f) {
			continue
		}
		if at < 0 {
			at = i
			list[at].join(f)
			continue
		}
		list[at].join(list[i])
		list = slices.Delete(list, i, i+1)
		i--
	}
	if at < 0 {
		return append(list, f)
	}
	return list
}

// merge joins findings of different units that are the same, and orders them: the surest first, then by package and
// place.
func merge(findings []Finding) []Finding {
	var out []Finding
	for _, f := range findings {
		out = addFinding(out, f)
	}
	slices.SortStableFunc(out, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Level, a.Level), cmp.Compare(a.Package, b.Package), slices.Compare(a.Tests, b.Tests),
			slices.Compare(a.keys, b.keys))
	})
	return out
}
