package schedule

import (
	"slices"
	"strings"

	"github.com/falsifiable/stability/lab/schedule/point"
)

// next returns the schedule of run i. The first two runs take the first two modes. Of the others, two of three are
// mutants of a schedule that reached something new, and the third takes a further mode. With the race detector every
// second run takes raceMode, and the tenth outliveMode.
func (u *unit) next(i int) schedule {
	m := Modes[i%len(Modes)]
	switch {
	case i <= 1:
	case u.config.Race && i%2 == 0:
		m = raceMode
		m.Procs = 1 << (i / 2 % 3) // 2, 4, 1, 2, ...
	case u.config.Race && i%10 == 9:
		m = outliveMode
	case i%3 != 0:
		if s, ok := u.mutant(); ok {
			return s
		}
	default:
		m = Modes[(i/3+1)%len(Modes)]
	}
	if i != 1 { // the second run is the opposite of the first, so it has the same seed
		u.seed = u.rng.Uint64() >> 1
	}
	return schedule{mode: m.Name, procs: m.Procs, seed: u.seed, settings: m.Settings}
}

// raceMode is for the race detector, which sees two accesses that nothing orders, whichever comes first, as long as few
// others come in between. Many small changes find such pairs. Holding a goroutine back for long puts the two accesses
// far apart, and what the goroutine waits for may order them.
var raceMode = Mode{Name: "race", Settings: point.Settings{Yield: 512, Select: point.SelectSeeded}}

// outliveMode lets goroutines outlive who started them: one that was started later runs only when all others wait, so the last
// ones run when their test has ended. What they do then, such as to write to its log, has no point.
var outliveMode = Mode{Name: "outlive", Procs: 1, Settings: point.Settings{Priorities: point.OldestFirst}}

// tried is an operation held back in a mutant of a mode's schedule.
type tried struct {
	mode string
	point.Planned
}

// mutant returns a kept schedule with one of its operations held back until all else is at rest. That operation came to
// an object before another goroutine did, and has not been tried yet; now the other goroutine comes first. Mutants that
// reach something new are kept too: so a bug that needs two operations to change places is found in two steps.
func (u *unit) mutant() (schedule, bool) {
	if len(u.kept) == 0 {
		return schedule{}, false
	}
	t := u.kept[0] // mostly: the first mode is the one that finds the most
	if u.rng.IntN(4) == 0 {
		t = u.kept[u.rng.IntN(len(u.kept))]
	}
	s := t.schedule
	early := slices.DeleteFunc(t.early(u.binary.goroot), func(p point.Planned) bool { return u.tried[tried{s.mode, p}] })
	if len(early) == 0 || len(s.settings.Plan) == point.MaxPlan {
		return schedule{}, false
	}
	p := early[0]
	u.tried[tried{s.mode, p}] = true
	m := schedule{mode: "mutant", procs: s.procs, seed: s.seed, settings: s.settings.With(p)}
	if u.rng.IntN(4) != 0 { // mostly let timers and selects go another way too
		m.seed, m.settings.Select = u.rng.Uint64()>>1, point.SelectFixed
	}
	return m, true
}

// early returns the operations that came to an object before another goroutine that competes for it, each planned to be
// held back. First come closes, signals and sends, because these can be missed or be stuck for ever; last come those in
// the standard library.
func (t *trace) early(goroot string) (points []point.Planned) {
	earlier := map[uint64][]event{} // by object
	rank := map[point.Planned]int{}
	for _, e := range t.events {
		if e.object == 0 || len(points) == point.MaxPlan {
			continue
		}
		for _, b := range earlier[e.object] {
			p := point.Planned{ID: b.id, N: b.n, Action: point.StayLast}
			if b.kind == point.Close || b.kind == point.Signal {
				p.Action = point.StayLate
			}
			if _, seen := rank[p]; b.id != e.id && !seen && compete(b.kind, e.kind) {
				rank[p] = b.tier(goroot)
				points = append(points, p)
			}
		}
		if len(earlier[e.object]) < point.MaxPlan {
			earlier[e.object] = append(earlier[e.object], e)
		}
	}
	slices.SortStableFunc(points, func(a, b point.Planned) int { return rank[a] - rank[b] })
	return points
}

// tier says how early to try an operation.
func (e event) tier(goroot string) int {
	switch {
	case strings.HasPrefix(e.site.File, goroot+"/"):
		return 2
	case e.kind == point.Close || e.kind == point.Signal || e.kind == point.Send:
		return 0
	default:
		return 1
	}
}

// compete tells whether it makes a difference which of two operations on one object comes first. A send and its receive
// meet in any order.
func compete(a, b point.Kind) bool {
	switch {
	case a == point.Unlock || a == point.RUnlock || b == point.Unlock || b == point.RUnlock:
		return false
	case a == point.RLock && b == point.RLock || a == point.Add || b == point.Add:
		return false
	case a == point.Send && b == point.Recv || a == point.Recv && b == point.Send:
		return false
	default:
		return true
	}
}
