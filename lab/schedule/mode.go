package schedule

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Mode is a way to perturb: settings of the added runtime file without a seed, and a number of processors.
//
// The chances are of 1024. To stay is to wait until nobody else can run: of several that stay, those who end something
// are let go first, and last those who send or hold a lock.
type Mode struct {
	Name     string
	Procs    int
	Settings string
}

// Modes are the modes of one rotation, in order. The first one finds the most, no single one all of it:
//
//   - focus: everybody stays before a send, a lock, a close, a select, a wait for a signal, and before whatever may
//     block while a lock is held. Who came first goes first, children before those who started them. So everything that
//     can be at work is, when the first thing is stopped.
//   - young: the opposite: who came last goes first, and who let no timer go before does now. A select prefers one of its
//     cases for the whole run.
//   - off: some bugs are hidden by any perturbation.
//   - nap: sleep for a random time, so that timers come in between.
//   - pct: run by random priorities that change now and then (Burckhardt et al., ASPLOS 2010), select by the seed.
//   - wake: who waits last is woken first; timers are late.
//   - mix: yield and stay everywhere a little.
//   - start: goroutines come to their first point in another order than they were started in.
//   - yield: let others go first, half of the time.
var Modes = []Mode{
	{"focus", 1, focus + ",order=1"},
	{"young", 1, focus + ",order=2,selects=2"},
	{"off", 2, ""},
	{"nap", 2, "nap=512,napmax=100000,k11=1000"},
	{"pct", 1, "pct=1,demote=200,selects=1,k11=500"},
	{"wake", 1, "waiters=700,skew=3000000,k1=300,k4=300,k5=300,yield=100"},
	{"mix", 1, "yield=256,k1=300,k4=300,k11=900,k3=400,k13=150,patience=2000000"},
	{"start", 1, "first=500,k3=700,k11=1000,nested=600,k1=300"},
	{"yield", 4, "yield=512,selects=1"},
}

// The numbers after k are kinds of operations: 1 send, 3 close, 4 select, 5 lock, 11 condition wait, 13 try, 14 writer's
// lock.
const focus = "nested=1024,k1=1024,k3=1024,k4=1024,k5=1024,k11=1024,k14=1024,window=128,patience=3000000,rounds=2,fifo=1"

// schedule is one concrete way to run, as replay lines have it: "procs=1,seed=7,yield=512".
type schedule struct {
	mode  string
	procs int
	seed  uint64
	text  string // the settings without procs and seed
}

// String returns the schedule as Config.Replay takes it.
func (s schedule) String() string {
	return strings.TrimSuffix(fmt.Sprintf("mode=%s,procs=%d,seed=%d,%s", s.mode, s.procs, s.seed, s.text), ",")
}

func parseSchedule(text string) (schedule, error) {
	var s schedule
	var rest []string
	for part := range strings.SplitSeq(text, ",") {
		key, value, ok := strings.Cut(part, "=")
		if !ok {
			return s, fmt.Errorf("schedule: reading the schedule %q: %q is not key=value", text, part)
		}
		var err error
		switch key {
		case "mode":
			s.mode = value
		case "procs":
			s.procs, err = strconv.Atoi(value)
		case "seed":
			s.seed, err = strconv.ParseUint(value, 10, 64)
		default:
			rest = append(rest, part)
		}
		if err != nil {
			return s, fmt.Errorf("schedule: reading the schedule %q: %w", text, err)
		}
	}
	s.text = strings.Join(rest, ",")
	return s, nil
}

// point is an action before one operation of one goroutine.
type point struct {
	id     uint64
	n      uint32
	action uint8
}

// planned returns the schedule with these things done and no others.
func (s schedule) planned(points []point) schedule {
	if len(points) == 0 {
		return schedule{mode: "off", procs: s.procs}
	}
	settings := slices.DeleteFunc(strings.Split(s.text, ","), isChance)
	s.mode, s.text = "plan", strings.Join(settings, ",")
	return s.with(points...)
}

// isChance tells whether a setting makes goroutines do something, apart from in which order they do it.
func isChance(setting string) bool {
	key, _, _ := strings.Cut(setting, "=")
	switch key {
	case "", "at", "yield", "stay", "nap", "demote", "nested", "first":
		return true
	default:
		return key[0] == 'k'
	}
}

// with returns the schedule with these things done too.
func (s schedule) with(points ...point) schedule {
	for _, p := range points {
		s.text = strings.TrimPrefix(fmt.Sprintf("%s,at=%d:%d:%d", s.text, p.id, p.n, p.action), ",")
	}
	return s
}

// maxPlan is how many points the runtime can keep in a plan.
const maxPlan = 256

// next returns the schedule of run i: the first two modes, then two of three times a mutant of a schedule that reached
// something new, and further modes.
func (u *unit) next(i int) schedule {
	m := Modes[i%len(Modes)]
	if i > 1 && i%3 != 0 {
		if s, ok := u.mutant(); ok {
			return s
		}
	} else if i > 1 {
		m = Modes[(i/3+1)%len(Modes)]
	}
	if i != 1 { // the second one is the opposite of the first, in everything
		u.seed = u.rng.Uint64() >> 1
	}
	return schedule{mode: m.Name, procs: m.Procs, seed: u.seed, text: m.Settings}
}

// The runtime's numbers of actions that wait for all others, also for those that wait: but for those who keep something,
// in the case of late.
const (
	lastAction = 5
	lateAction = 6
)

// tried is an operation held back in a mutant of a mode's schedule.
type tried struct {
	mode string
	point
}

// mutant returns a kept schedule with one of its operations held back until all else is at rest: one that came to an
// object before another goroutine did, and has not been tried yet. So the other one comes first. Mutants that reach
// something new are kept too, so that bugs which need two such turns are come to one after the other.
func (u *unit) mutant() (schedule, bool) {
	if len(u.kept) == 0 {
		return schedule{}, false
	}
	t := u.kept[0] // mostly: the first mode is the one that finds the most
	if u.rng.IntN(4) == 0 {
		t = u.kept[u.rng.IntN(len(u.kept))]
	}
	s := t.schedule
	early := slices.DeleteFunc(t.early(u.binary.goroot), func(p point) bool { return u.tried[tried{s.mode, p}] })
	if len(early) == 0 {
		return schedule{}, false
	}
	p := early[0]
	u.tried[tried{s.mode, p}] = true
	m := s.with(p)
	if u.rng.IntN(4) != 0 { // mostly let timers and selects go another way too
		m.seed, m.text = u.rng.Uint64()>>1, m.text+",selects=2"
	}
	m.mode = "mutant"
	return m, true
}

// early returns the operations, held back, which came to an object before another goroutine that competes for it: first
// those that can be missed or never be got rid of, last those in the standard library.
func (t *trace) early(goroot string) (points []point) {
	before := map[uint64][]event{} // by object
	rank := map[point]int{}
	for _, e := range t.events {
		if e.object == 0 || len(points) == maxPlan {
			continue
		}
		for _, b := range before[e.object] {
			p := point{b.id, b.n, lastAction}
			if b.kind == kindClose || b.kind == kindSignal {
				p.action = lateAction
			}
			if _, seen := rank[p]; b.id != e.id && !seen && compete(b.kind, e.kind) {
				rank[p] = b.tier(goroot)
				points = append(points, p)
			}
		}
		if len(before[e.object]) < maxPlan {
			before[e.object] = append(before[e.object], e)
		}
	}
	slices.SortStableFunc(points, func(a, b point) int { return rank[a] - rank[b] })
	return points
}

// tier says how early to try an operation.
func (e event) tier(goroot string) int {
	switch {
	case strings.HasPrefix(e.site.File, goroot+"/"):
		return 2
	case e.kind == kindClose || e.kind == kindSignal || e.kind == kindSend:
		return 0
	default:
		return 1
	}
}

// compete tells whether it makes a difference which of two operations on one object comes first. A send and its receive
// meet in any order.
func compete(a, b int) bool {
	switch {
	case a == kindUnlock || a == kindRUnlock || b == kindUnlock || b == kindRUnlock:
		return false
	case a == kindRLock && b == kindRLock || a == kindAdd || b == kindAdd:
		return false
	case a == kindSend && b == kindRecv || a == kindRecv && b == kindSend:
		return false
	default:
		return true
	}
}
