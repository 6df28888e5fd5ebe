package schedule

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// A Mode is a way to perturb: settings of the added runtime file without a seed, and a number of processors.
//
// The chances are of 1024. To stay is to wait until nobody else can run: of several that stay, those who end
// something are let go first and those who hold a lock last.
type Mode struct {
	Name     string
	Procs    int
	Settings string
}

// Modes are the modes of one rotation, in order. The first one finds the most, no single one all of it:
//
//   - focus: stay before whatever may block while a lock is held, before a writer's lock, a send, a wait for a
//     signal: the places where real deadlocks are made. The other side gets all the way to its own.
//   - nap: sleep for a random time, so that timers come in between.
//   - mix: yield and stay everywhere a little.
//   - off: some bugs are hidden by any perturbation.
//   - pct: run by random priorities that change now and then (Burckhardt et al., ASPLOS 2010), select by the seed.
//   - wide: focus with less certainty and more places; timers are late.
//   - start: goroutines come to their first point in another order than they were started in.
//   - yield: let others go first, half of the time.
var Modes = []Mode{
	{"focus", 1, focus},
	{"nap", 1, "nap=300,napmax=100000,k11=1000"},
	{"mix", 1, mix},
	{"off", 2, ""},
	{"pct", 1, "pct=1,demote=200,selects=1,k11=500"},
	{"nap", 1, "nap=200,napmax=50000,k11=1000"},
	{"mix", 1, mix},
	{"wide", 1, "nested=600,k14=600,k5=300,k0=512,k11=900,k1=500,k4=200,yield=100,patience=3000000,skew=2000000"},
	{"nap", 2, "nap=512,k11=1000"},
	{"mix", 2, mix},
	{"start", 1, "first=500,k3=700,k11=1000,nested=600,k1=300"},
	{"yield", 4, "yield=512,selects=1"},
}

// The numbers after k are kinds of operations: 0 go, 1 send, 3 close, 4 select, 5 lock, 11 condition wait, 13 try,
// 14 writer's lock.
const (
	focus = "nested=900,k14=900,k1=700,k0=256,k4=300,k11=900,yield=50,patience=3000000"
	mix   = "yield=256,k1=300,k4=300,k11=900,k3=400,k13=150,patience=2000000"
)

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

// planned returns a schedule that does these things and nothing else.
func planned(points []point, procs int) schedule {
	parts := make([]string, len(points))
	for i, p := range points {
		parts[i] = fmt.Sprintf("at=%d:%d:%d", p.id, p.n, p.action)
	}
	if len(parts) == 0 {
		return schedule{mode: "off", procs: procs}
	}
	return schedule{mode: "plan", procs: procs, text: strings.Join(parts, ",")}
}

// maxPlan is how many points the runtime can keep in a plan.
const maxPlan = 256

// next returns the schedule of run i: one rotation of the modes, then by turns a further one and a mutant of a
// schedule that reached something new.
func next(i int, rng *rand.Rand, kept []trace) schedule {
	if i >= len(Modes) && i%2 == 1 && len(kept) > 0 {
		return mutate(rng, kept[rng.IntN(len(kept))])
	}
	m := Modes[i%len(Modes)]
	return schedule{mode: m.Name, procs: m.Procs, seed: rng.Uint64() >> 1, text: m.Settings}
}

// stayAction is the runtime's number of the action that waits for the others and their timers.
const stayAction = 2

// mutate drops some of what a kept run did and makes one to three other operations of it stay.
func mutate(rng *rand.Rand, kept trace) schedule {
	var points []point
	for _, e := range kept.events {
		if e.action != 0 && rng.IntN(3) > 0 {
			points = append(points, point{e.id, e.n, e.action})
		}
	}
	for range 1 + rng.IntN(3) {
		if len(kept.events) > 0 {
			e := kept.events[rng.IntN(len(kept.events))]
			points = append([]point{{e.id, e.n, stayAction}}, points...)
		}
	}
	points = slices.Clip(points[:min(len(points), maxPlan)])
	s := planned(points, kept.procs)
	s.mode = "mutant"
	return s
}
