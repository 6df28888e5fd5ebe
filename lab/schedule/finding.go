package schedule

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/falsifiable/stability/evidence/goroutines"
)

// Level is how sure a finding is. Levels are never mixed: a SUSPECT does not become a leak by being seen often.
type Level uint8

const (
	// Suspect: blocked and still reachable, or failed only under a schedule. It is the zero Level.
	Suspect Level = iota
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

var levelNames = [...]string{"SUSPECT", "CYCLE", "RACE", "DEADLOCK", "PROVEN-LEAK"}

// String returns the level's word in capitals.
func (l Level) String() string { return levelNames[min(int(l), len(levelNames)-1)] }

// MarshalText returns the level's String.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// Finding is one thing found, however often and on however many schedules.
type Finding struct {
	Level   Level  `json:"level"`
	Package string `json:"package"`
	Test    string `json:"test,omitempty"`
	// Sides are the goroutines that take part, each distinct stack once.
	Sides []Side `json:"sides,omitempty"`
	// Waits says in sentences who waits for what, who holds it, and who used it last.
	Waits []string `json:"waits,omitempty"`
	// Text is what the race detector or the failed test printed.
	Text string `json:"text,omitempty"`
	// Seen of Runs runs showed it; FirstRun is the first one, from 1.
	Seen     int `json:"seen"`
	Runs     int `json:"runs"`
	FirstRun int `json:"first_run"`
	// Schedule is the first schedule that showed it, as Config.Replay takes it; Reproduced of Replayed replays of it
	// showed it again.
	Schedule   string `json:"schedule"`
	Reproduced int    `json:"reproduced"`
	Replayed   int    `json:"replayed"`
	// Points are the fewest points at which a goroutine has to be held back to show it, if Config.Minimize asked for
	// them; Minimal is a schedule that does only that.
	Points  []string `json:"points,omitempty"`
	Minimal string   `json:"minimal_schedule,omitempty"`

	key   string
	trace *trace
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
	// Frames are the innermost ones outside of the standard library; CreatedBy is the go statement.
	Frames    []Frame `json:"frames"`
	CreatedBy Frame   `json:"created_by"`
}

// sideFrames is how many frames a side keeps.
const sideFrames = 24

func sideOf(s goroutines.Stack) Side {
	side := Side{Count: s.Count, State: string(s.State), CreatedBy: Frame(s.CreatedBy)}
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
	fmt.Fprintf(&b, "%s|%s:%d", s.State, s.CreatedBy.File, s.CreatedBy.Line)
	for _, f := range s.Frames {
		fmt.Fprintf(&b, "|%s:%d", f.File, f.Line)
	}
	return b.String()
}

// sides returns the distinct sides of the goroutines in an order that does not depend on their ids.
func sides(gs []goroutine) []Side {
	byKey := map[string]*Side{}
	for _, g := range gs {
		s := sideOf(g.stack)
		if known, ok := byKey[s.key()]; ok {
			known.Count++
		} else {
			byKey[s.key()] = &s
		}
	}
	var all []Side
	for _, s := range byKey {
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b Side) int { return cmp.Compare(a.key(), b.key()) })
	return all
}

func (f *Finding) setKey() {
	var b strings.Builder
	fmt.Fprintf(&b, "%d|%s|%s", f.Level, f.Package, f.Test)
	for _, s := range f.Sides {
		b.WriteString("\n" + s.key())
	}
	if f.Level == Race || len(f.Sides) == 0 {
		b.WriteString("\n" + placesOf(f.Text))
	}
	f.key = b.String()
}

// placesOf returns the file:line places in a text, which stay when addresses and goroutine ids change.
func placesOf(text string) string {
	var places []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if i := strings.LastIndex(line, ".go:"); i >= 0 {
			place, _, _ := strings.Cut(line, " ")
			places = append(places, place)
		}
	}
	return strings.Join(places, "|")
}

// merge joins findings that are the same, and orders them: the surest first, then by package and place.
func merge(findings []Finding) []Finding {
	var out []Finding
	index := map[string]int{}
	for _, f := range findings {
		if i, ok := index[f.key]; ok {
			out[i].Seen += f.Seen
			continue
		}
		index[f.key] = len(out)
		out = append(out, f)
	}
	slices.SortStableFunc(out, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Level, a.Level), cmp.Compare(a.Package, b.Package), cmp.Compare(a.Test, b.Test),
			cmp.Compare(a.key, b.key))
	})
	return out
}
