package schedule

import (
	"regexp"
	"slices"
	"strings"

	"github.com/falsifiable/stability/evidence/goroutines"
)

// result is what one run did.
type result struct {
	schedule schedule
	trace    *trace // nil when the program left no report
	output   string // the end of what it printed
	races    []string
	failed   bool // tests failed, or the program crashed
	killed   bool // it had to be ended from outside
}

// judge returns the findings of a run. failsPlain tells whether the tests fail unperturbed too, in which case a
// failure says nothing about the schedule.
func judge(r result, failsPlain bool) []Finding {
	var found []Finding
	for _, text := range r.races {
		found = append(found, Finding{Level: Race, Text: text})
	}
	if r.trace != nil {
		found = append(found, judgeTrace(r.trace)...)
	}
	proven := slices.ContainsFunc(found, func(f Finding) bool { return f.Level != Suspect })
	if r.failed && !failsPlain && !proven {
		found = append(found, Finding{Level: Suspect, Text: failure(r)})
	}
	for i := range found {
		found[i].Schedule, found[i].trace = r.schedule.String(), r.trace
	}
	return found
}

func judgeTrace(t *trace) []Finding {
	graph := newGraph(t)
	var leaked, alive []goroutine
	for _, g := range t.gs {
		switch {
		case g.stack.Leaked:
			leaked = append(leaked, g)
		case len(g.waits) > 0:
			alive = append(alive, g)
		}
	}
	var found []Finding
	report := func(level Level, gs []goroutine) {
		found = append(found, Finding{Level: level, Sides: sides(gs), Waits: graph.describe(gs)})
	}
	for _, group := range related(leaked) {
		report(ProvenLeak, group)
	}
	if t.reason == reasonAsleep && len(alive) > 0 {
		report(Deadlock, alive)
		return found
	}
	if t.reason == reasonSlow { // nothing can be said of goroutines that are at work
		return found
	}
	inCycle := map[int64]bool{}
	for _, cycle := range graph.cycles(alive) {
		report(Cycle, cycle)
		for _, g := range cycle {
			inCycle[g.goid] = true
		}
	}
	suspects := slices.DeleteFunc(alive, func(g goroutine) bool {
		return inCycle[g.goid] || !suspicious(g, t.reason != reasonExit)
	})
	for _, group := range related(suspects) {
		report(Suspect, group)
	}
	return found
}

// Reasons for the end of a run, as package runtime's added file words them.
const (
	reasonExit   = "exit"
	reasonAsleep = "asleep"
	reasonSlow   = "slow"
)

// suspicious tells whether a blocked goroutine that is still reachable is worth a look. A worker that waits for work
// in a receive or a select is not; one that waits for a lock or to be rid of something is, for everything else has
// come to rest. In a run that did not end, every test is.
func suspicious(g goroutine, hung bool) bool {
	switch g.stack.State {
	case goroutines.MutexLock, goroutines.RWMutexLock, goroutines.RWMutexRLock, goroutines.ChanSend,
		goroutines.WaitGroupWait:
		return true
	default:
		return hung && slices.ContainsFunc(g.stack.Frames, func(f goroutines.Frame) bool { return f.Func == "testing.tRunner" })
	}
}

// related groups goroutines that have to do with each other: one made the other, or they share an object.
func related(gs []goroutine) [][]goroutine {
	parent := make([]int, len(gs))
	for i := range parent {
		parent[i] = i
	}
	var find func(int) int
	find = func(i int) int {
		if parent[i] != i {
			parent[i] = find(parent[i])
		}
		return parent[i]
	}
	byObject, byGoid := map[uint64]int{}, map[int64]int{}
	for i, g := range gs {
		byGoid[g.goid] = i
		objects := slices.Clone(g.waits)
		for _, l := range g.held {
			objects = append(objects, l.object, l.object+semMutex, l.object+semWriter, l.object+semReader)
		}
		for _, o := range objects {
			if j, ok := byObject[o]; ok {
				parent[find(i)] = find(j)
			}
			byObject[o] = i
		}
	}
	for i, g := range gs {
		if j, ok := byGoid[g.from]; ok {
			parent[find(i)] = find(j)
		}
	}
	groups := map[int][]goroutine{}
	var order []int
	for i, g := range gs {
		root := find(i)
		if groups[root] == nil {
			order = append(order, root)
		}
		groups[root] = append(groups[root], g)
	}
	var out [][]goroutine
	for _, root := range order {
		out = append(out, groups[root])
	}
	return out
}

var failLine = regexp.MustCompile(`(?m)^(\s*--- FAIL: .*|panic: .*|fatal error: .*|FAIL.*|\s+\S+\.go:\d+: .*)$`)

// failure returns the lines of a failed run's output that say what failed.
func failure(r result) string {
	if r.killed {
		return "the run did not end in time and left no report"
	}
	lines := failLine.FindAllString(r.output, 12)
	if len(lines) == 0 {
		return "the tests fail under this schedule, not in a plain run"
	}
	return strings.Join(lines, "\n")
}
