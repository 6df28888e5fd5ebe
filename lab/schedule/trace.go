package schedule

import (
	"bufio"
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/falsifiable/stability/evidence/goroutines"
	"github.com/falsifiable/stability/lab/schedule/point"
)

// trace is the report that a patched program writes at its end.
type trace struct {
	end    point.End
	code   int // the exit code
	leaked int
	acted  uint64
	tests  []string // that were begun, subtests and examples too, if they are named
	// Of the tests, how many were skipped; and whether the report tells.
	skipped int
	named   bool
	// schedule is the one that made it.
	schedule schedule
	events   []event
	gs       []goroutine
	more     map[int64]int // how many have the same stack as the goroutine of this goid, and are not in gs
}

// event is an operation: what goroutine id did as its n-th one, and what the point before it did.
type event struct {
	id     uint64
	n      uint32
	kind   point.Kind
	action point.Action
	object uint64
	site   Frame
}

// goroutine is one that was left at the end.
type goroutine struct {
	goid  int64
	id    uint64
	waits []uint64 // objects that it is blocked on
	held  []lock   // locks that it holds or tries to acquire
	from  int64    // goid of its creator
	test  string   // the test that started it, directly or through others
	after int      // operations and timers since the tests ended
	stack goroutines.Stack
	// What it was doing: busy, it could run; clock, it waited for something that a timer may end; ticks, that timer is
	// a periodic one; exits, it had called exit.
	busy, clock, ticks, exits bool
}

type lock struct {
	object uint64
	kind   point.Kind // Lock, RLock or WLock
	site   Frame
}

// parseTrace reads a report. One that is cut short, as by a killed process, is an error: it must not be taken for
// a run without leaks.
func parseTrace(text []byte) (*trace, error) {
	head, stacks, ok := bytes.Cut(text, []byte("\nstacks\n"))
	if !ok || !bytes.HasSuffix(stacks, []byte("\nend\n")) {
		return nil, fmt.Errorf("schedule: reading a run's report: it ends early, after %d bytes", len(text))
	}
	t := &trace{}
	sc := bufio.NewScanner(bytes.NewReader(head))
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		if err := t.line(strings.Fields(sc.Text())); err != nil {
			return nil, fmt.Errorf("schedule: reading a run's report: %q: %w", sc.Text(), err)
		}
	}
	if t.end == "" {
		return nil, fmt.Errorf("schedule: reading a run's report: it has no first line")
	}
	return t, t.addStacks(bytes.TrimSuffix(stacks, []byte("\nend\n")))
}

func (t *trace) line(f []string) (err error) {
	number := func(i int) uint64 {
		if i >= len(f) {
			err = fmt.Errorf("field %d is missing", i)
			return 0
		}
		n, e := strconv.ParseUint(strings.TrimLeft(f[i], "abcdefghijklmnopqrstuvwxyz="), 10, 64)
		if e != nil {
			err = e
		}
		return n
	}
	switch {
	case len(f) == 0:
	case f[0] == "perturb" && len(f) > 2:
		t.end, t.code, t.leaked, t.acted = point.End(f[2]), int(number(3)), int(number(4)), number(6)
		if t.named = len(f) > 7; t.named {
			t.skipped = int(number(7))
		}
	case f[0] == "t" && len(f) > 2:
		t.tests = append(t.tests, f[2])
	case f[0] == "e":
		t.events = append(t.events, event{number(1), uint32(number(2)), point.Kind(number(3)), point.Action(number(4)), number(5),
			site(f, 6)})
	case f[0] == "g" && len(f) > 4:
		g := goroutine{goid: int64(number(1)), id: number(2), after: int(number(5))}
		if test := number(3); test > 0 && test <= uint64(len(t.tests)) {
			g.test = t.tests[test-1]
		}
		g.busy, g.clock = strings.Contains(f[4], "b"), strings.Contains(f[4], "c")
		g.ticks, g.exits = strings.Contains(f[4], "p"), strings.Contains(f[4], "x")
		for i := 6; i < len(f); i++ {
			g.waits = append(g.waits, number(i))
		}
		t.gs = append(t.gs, g)
	case f[0] == "h" && len(t.gs) > 0:
		g := &t.gs[len(t.gs)-1]
		g.held = append(g.held, lock{number(1), point.Kind(number(2)), site(f, 3)})
	case f[0] == "more":
		if t.more == nil {
			t.more = map[int64]int{}
		}
		t.more[int64(number(1))] = int(number(2))
	default:
		err = fmt.Errorf("no such line")
	}
	return err
}

// site reads "FUNCTION FILE:LINE" from the fields i and on. A file's name may have spaces.
func site(f []string, i int) Frame {
	if len(f) < i+2 {
		return Frame{}
	}
	place := strings.Join(f[i+1:], " ")
	colon := strings.LastIndexByte(place, ':')
	line, _ := strconv.Atoi(place[colon+1:])
	return Frame{f[i], place[:max(colon, 0)], line}
}

// addStacks gives the goroutines their stacks. Each is parsed by itself: a dump as a whole would be grouped.
func (t *trace) addStacks(dump []byte) error {
	index := map[int64]int{}
	for i, g := range t.gs {
		index[g.goid] = i
	}
	for part := range bytes.SplitSeq(dump, []byte("\n\n")) {
		d, err := goroutines.Parse(bytes.NewReader(part))
		if err != nil {
			return fmt.Errorf("schedule: reading a run's report: %w", err)
		}
		for _, s := range d.Stacks {
			if i, ok := index[s.Example]; ok {
				s.Count += t.more[s.Example]
				t.gs[i].stack, t.gs[i].from = s, creator(part)
			}
		}
	}
	t.gs = slices.DeleteFunc(t.gs, func(g goroutine) bool { return g.stack.Count == 0 })
	return nil
}

// creator reads N from a stack's "created by f in goroutine N".
func creator(stack []byte) int64 {
	_, rest, _ := bytes.Cut(stack, []byte("\ncreated by "))
	_, rest, _ = bytes.Cut(rest, []byte(" in goroutine "))
	digits, _, _ := bytes.Cut(rest, []byte("\n"))
	n, _ := strconv.ParseInt(string(digits), 10, 64)
	return n
}

// reached returns what the run covered: each order in which two goroutines came to one object, and the set of
// blocked goroutines at the end (as the feedback of GOAT and GFuzz has it).
func (t *trace) reached() []string {
	last := map[uint64]event{}
	var out []string
	for _, e := range t.events {
		if e.object == 0 {
			continue
		}
		if before, ok := last[e.object]; ok && before.id != e.id {
			out = append(out, fmt.Sprintf("%s:%d %d>%s:%d %d", before.site.File, before.site.Line, before.kind,
				e.site.File, e.site.Line, e.kind))
		}
		last[e.object] = e
	}
	var blocked []string
	for _, g := range t.gs {
		if g.stack.Leaked || len(g.waits) > 0 {
			blocked = append(blocked, sideOf(g.stack).key())
		}
	}
	slices.Sort(blocked)
	return append(out, strings.Join(blocked, "|"))
}
