package schedule

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/falsifiable/stability/evidence/goroutines"
	"github.com/falsifiable/stability/lab/schedule/point"
)

// result is what one run did.
type result struct {
	schedule schedule
	plain    bool   // nothing was perturbed, on purpose
	trace    *trace // nil when the program left no report
	goroot   string
	output   string // what it printed: the beginning, the end, and the beginning of a crash
	code     int    // the exit code, -1 if a signal ended it
	signal   string // that signal, where the system tells
	races    []string
	failed   bool // tests failed, or the program crashed
	killed   bool // it had to be ended from outside
	elapsed  time.Duration
}

// judge returns the findings of a run. plain is how long a plain run takes, 0 if that is not known.
func judge(r result, plain, limit time.Duration) []Finding {
	found := groupRaces(r.races, r.goroot)
	if r.trace != nil {
		found = append(found, judgeTrace(r.trace)...)
		if r.outOfTime(plain, limit) {
			found = append(found, hung(r, plain, limit))
		}
	}
	proven := slices.Clone(found)
	for _, f := range failures(r) {
		if f.Level != Suspect || !explained(f, proven) {
			found = append(found, f)
		}
	}
	for i := range found {
		found[i].Schedule, found[i].trace = r.schedule.String(), r.trace
	}
	return found
}

// explained tells whether a test failed because of what was proven of it.
func explained(failed Finding, found []Finding) bool {
	return slices.ContainsFunc(found, func(f Finding) bool {
		same := len(f.Tests) == 0 || slices.ContainsFunc(f.Tests, func(t string) bool { return slices.Contains(failed.Tests, t) })
		return f.Level != Suspect && same
	})
}

// Levels of patience with a run that did not end in time although something in it still moved.
const (
	hungFactor = 20              // times as long as a plain run: a schedule costs at most four times as much, a busy machine more
	hungLeast  = 5 * time.Second // at least; what is faster is mostly the start of a process
)

// outOfTime tells whether it is a finding that the run did not end in its time. Of a plain run it always is; of
// another, if nothing in it moved any more or it ought to have ended long ago.
func (r result) outOfTime(plain, limit time.Duration) bool {
	switch r.trace.end {
	case point.AtRest:
		return true
	case point.AtWork:
		return r.plain || plain > 0 && limit > max(hungFactor*plain, hungLeast)
	default:
		return false
	}
}

// hung is the finding that a run did not end, with the goroutines of the tests that did not.
func hung(r result, plain, limit time.Duration) Finding {
	f := Finding{Level: Hung}
	var gs []goroutine
	for _, g := range r.trace.gs {
		inTest := slices.ContainsFunc(g.stack.Frames, func(f goroutines.Frame) bool { return f.Func == "testing.tRunner" })
		if !ofTesting(g) && !g.stack.Leaked && (g.busy || inTest) {
			gs = append(gs, g)
		}
	}
	f.Sides, f.Tests, f.Waits = sides(gs), testsOf(gs), newGraph(r.trace).describe(gs)
	f.keys = sideKeys(f.Sides)
	if len(f.keys) == 0 {
		f.keys = []string{"hung"}
	}
	state := "at work"
	if r.trace.end == point.AtRest {
		state = "at rest"
	}
	f.Text = fmt.Sprintf("not ended after %v, and %s", limit, state)
	if plain > 0 {
		f.Text += fmt.Sprintf("; a plain run takes %v", plain.Round(time.Millisecond))
	}
	return f
}

func judgeTrace(t *trace) []Finding {
	graph := newGraph(t)
	part := partOf(t, graph)
	var found []Finding
	for _, group := range related(part.all()) {
		f := Finding{Level: part.level(group), Sides: sides(group), Waits: graph.describe(group), Tests: testsOf(group)}
		f.keys = sideKeys(f.Sides)
		found = append(found, f)
	}
	for _, group := range related(stillAtWork(t)) {
		f := Finding{Level: Suspect, Sides: sides(group), Tests: testsOf(group), Text: "still at work after the tests have ended"}
		f.keys = sideKeys(f.Sides)
		found = append(found, f)
	}
	return found
}

// parts are the goroutines of a run that may belong to a finding.
type parts struct {
	leaked, asleep, circle, suspect []goroutine
}

func partOf(t *trace, graph *graph) (p parts) {
	var alive []goroutine
	for _, g := range t.gs {
		switch {
		case ofTesting(g), isControl(g):
		case g.stack.Leaked:
			p.leaked = append(p.leaked, g)
		case len(g.waits) > 0 || t.end == point.Asleep: // to wait for nothing at all, as select {} does, is to wait on no object
			alive = append(alive, g)
		}
	}
	switch t.end {
	case point.Asleep:
		p.asleep = alive
		return p
	case point.AtWork: // nothing can be said of goroutines that are at work
		return p
	}
	inCircle := map[int64]bool{}
	for _, circle := range graph.cycles(alive) {
		for _, g := range circle {
			inCircle[g.goid] = true
			p.circle = append(p.circle, g)
		}
	}
	for _, g := range alive {
		if !inCircle[g.goid] && suspicious(g) {
			p.suspect = append(p.suspect, g)
		}
	}
	return p
}

func (p parts) all() []goroutine { return slices.Concat(p.leaked, p.asleep, p.circle, p.suspect) }

// level is the surest level that a goroutine of the group has. A deadlock is one finding, even if not all that wait in
// it can be proven to wait forever.
func (p parts) level(group []goroutine) Level {
	for _, by := range []struct {
		gs    []goroutine
		level Level
	}{{p.leaked, ProvenLeak}, {p.asleep, Deadlock}, {p.circle, Cycle}} {
		for _, g := range group {
			if slices.ContainsFunc(by.gs, func(other goroutine) bool { return other.goid == g.goid }) {
				return by.level
			}
		}
	}
	return Suspect
}

// ofTesting tells whether a goroutine is where package testing waits: for a test, or for its turn.
func ofTesting(g goroutine) bool {
	for _, f := range g.stack.Frames {
		if !strings.HasPrefix(f.Func, "runtime.") && !strings.HasPrefix(f.Func, "sync.") && !strings.HasPrefix(f.Func, "internal/") {
			return strings.HasPrefix(f.Func, "testing.")
		}
	}
	return false
}

// isControl tells the goroutine that package stabilitytest leaks on purpose, once in a process, to see that its detector is not blind.
func isControl(g goroutine) bool {
	return slices.ContainsFunc(g.stack.Frames, func(f goroutines.Frame) bool {
		return f.Func == "github.com/falsifiable/stability/stabilitytest.leakedOnPurpose"
	})
}

// suspicious tells whether a blocked goroutine that is still reachable is worth a look. A worker that waits for work in
// a receive or a select is not; one that waits for a lock, for a WaitGroup or to send is, because everything else has
// come to rest.
func suspicious(g goroutine) bool {
	switch g.stack.State {
	case goroutines.MutexLock, goroutines.RWMutexLock, goroutines.RWMutexRLock, goroutines.ChanSend,
		goroutines.WaitGroupWait:
		return true
	default:
		return false
	}
}

// loopLeast is how much a goroutine has to have done after the tests to count as one that goes on.
const loopLeast = 2

// stillAtWork returns the goroutines that the tests have started and that go on by themselves after them: they can run,
// or the clock wakes them again and again. Who waits for the clock once may be about to end.
func stillAtWork(t *trace) (gs []goroutine) {
	if t.end != point.Exited {
		return nil
	}
	for _, g := range t.gs {
		goesOn := g.busy || g.clock && (g.ticks || g.after >= loopLeast)
		if g.test != "" && goesOn && !g.exits && !g.stack.Leaked {
			gs = append(gs, g)
		}
	}
	return gs
}

func testsOf(gs []goroutine) (tests []string) {
	for _, g := range gs {
		if g.test != "" && !slices.Contains(tests, g.test) {
			tests = append(tests, g.test)
		}
	}
	slices.Sort(tests)
	return tests
}

func sideKeys(sides []Side) (keys []string) {
	for _, s := range sides {
		keys = append(keys, s.key())
	}
	return keys
}

// related groups goroutines that have to do with each other: one made the other, they share an object, or one test has
// made both.
func related(gs []goroutine) [][]goroutine {
	groups := newGroups(len(gs))
	byObject, byGoid, byTest := map[uint64]int{}, map[int64]int{}, map[string]int{}
	for i, g := range gs {
		byGoid[g.goid] = i
		objects := slices.Clone(g.waits)
		for _, l := range g.held {
			objects = append(objects, l.object, l.object+semMutex, l.object+semWriter, l.object+semReader)
		}
		for _, o := range objects {
			if j, ok := byObject[o]; ok {
				groups.join(i, j)
			}
			byObject[o] = i
		}
		if g.test == "" {
			continue
		}
		if j, ok := byTest[g.test]; ok {
			groups.join(i, j)
		}
		byTest[g.test] = i
	}
	for i, g := range gs {
		if j, ok := byGoid[g.from]; ok {
			groups.join(i, j)
		}
	}
	var out [][]goroutine
	for _, members := range groups.members() {
		var group []goroutine
		for _, i := range members {
			group = append(group, gs[i])
		}
		out = append(out, group)
	}
	return out
}

// groups are disjoint sets of the numbers from 0.
type groups []int

func newGroups(n int) groups {
	g := make(groups, n)
	for i := range g {
		g[i] = i
	}
	return g
}

func (g groups) find(i int) int {
	for g[i] != i {
		g[i] = g[g[i]]
		i = g[i]
	}
	return i
}

func (g groups) join(i, j int) { g[g.find(i)] = g.find(j) }

// members returns the sets, in order of their first members.
func (g groups) members() (out [][]int) {
	at := map[int]int{}
	for i := range g {
		root := g.find(i)
		if _, ok := at[root]; !ok {
			at[root] = len(out)
			out = append(out, nil)
		}
		out[at[root]] = append(out[at[root]], i)
	}
	return out
}
