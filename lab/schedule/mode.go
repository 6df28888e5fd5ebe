package schedule

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/falsifiable/stability/lab/schedule/point"
)

// A Mode is a way to perturb: settings, to which each run adds a seed, and a number of processors.
type Mode struct {
	Name  string
	Procs int
	point.Settings
}

// Modes are the modes of one rotation, in order. The first one finds the most, no single one all of it:
//
//   - focus: every goroutine stays (waits until nobody else can run) before a send, a lock, a close, a select, a wait for
//     a signal, and before whatever may block while a lock is held. Those that came first go first, children before
//     their creators. So all work that can be under way is, by the time the first thing is stopped.
//   - young: the opposite: those that came last go first, and those that went on before any timer had fired now let timers
//     fire first. A select prefers one of its cases for the whole run.
//   - off: some bugs are hidden by any perturbation.
//   - nap: sleep for a random time, so that timers come in between.
//   - pct: run by random priorities that change now and then (Burckhardt et al., ASPLOS 2010), select by the seed.
//   - wake: the goroutine that began to wait last is woken first; timers are late.
//   - mix: yield and stay everywhere a little.
//   - start: goroutines come to their first point in another order than they were started in.
//   - yield: let others go first, half of the time.
//
// The chances other than 1024 (always) and 512 (half of the time) were tuned together, by hand, on the corpus of package
// corpus: no single one has a reason of its own.
var Modes = []Mode{
	{"focus", 1, focus(point.ChildFirst)},
	{"young", 1, withSelect(focus(point.NewestFirst), point.SelectFixed)},
	{"off", 2, point.Settings{}},
	{"nap", 2, point.Settings{Nap: 512, NapMax: napTime, StayBefore: chances{point.CondWait: 1000}}},
	{"pct", 1, point.Settings{Priorities: point.RandomPriorities, Demote: 200, Select: point.SelectSeeded, StayBefore: chances{point.CondWait: 500}}},
	{"wake", 1, point.Settings{LastFirst: 700, Skew: timerSkew, Yield: 100,
		StayBefore: chances{point.Send: 300, point.Select: 300, point.Lock: 300}}},
	{"mix", 1, point.Settings{Yield: 256,
		StayBefore: chances{point.Send: 300, point.Select: 300, point.CondWait: 900, point.Close: 400, point.Try: 150}}},
	{"start", 1, point.Settings{StayFirst: 500, StayNested: 600,
		StayBefore: chances{point.Close: 700, point.CondWait: 1000, point.Send: 300}}},
	{"yield", 4, point.Settings{Yield: 512, Select: point.SelectSeeded}},
}

// chances are those of a stay, by kind.
type chances = [point.Kinds]point.Chance

const (
	// focusWindow is for how many operations of a goroutine focus and young are at full strength. Four times the
	// default: the defects that they find need several goroutines held back at once, each in its place, and some come
	// to theirs late.
	focusWindow = 128
	// focusPatience is longer than the timers of a millisecond or two with which many tests wait for "soon".
	focusPatience = 3 * time.Millisecond
	// focusRounds lets at most one timer go off before a goroutine that stays goes on: half of the time none, half of
	// the time one.
	focusRounds = 2
	// napTime is many times what an operation takes, and short beside a run.
	napTime = 100 * time.Microsecond
	// timerSkew makes timers of a few milliseconds change places, and leaves those of tens in order.
	timerSkew = 3 * time.Millisecond
)

// focus are the settings with which everybody stays wherever it matters who comes first.
func focus(order point.Order) point.Settings {
	return point.Settings{
		StayNested: point.Always,
		StayBefore: chances{point.Send: point.Always, point.Close: point.Always, point.Select: point.Always, point.Lock: point.Always, point.CondWait: point.Always, point.WLock: point.Always},
		Window:     focusWindow, Patience: focusPatience, Rounds: focusRounds, Order: order, QueueNew: true,
	}
}

func withSelect(s point.Settings, order point.SelectOrder) point.Settings {
	s.Select = order
	return s
}

// schedule is one concrete way to run, as replay lines have it: "mode=yield,procs=1,seed=7,yield=512".
type schedule struct {
	mode     string
	procs    int
	seed     uint64
	settings point.Settings
}

// plainSchedule is that of a run in which nothing is done.
var plainSchedule = schedule{mode: "off", procs: 2}

// String returns the schedule as Config.Replay takes it.
func (s schedule) String() string {
	return strings.TrimSuffix(fmt.Sprintf("mode=%s,procs=%d,seed=%d,%s", s.mode, s.procs, s.seed, s.settings), ",")
}

func parseSchedule(text string) (schedule, error) {
	var s schedule
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
			err = s.settings.Set(key, value)
		}
		if err != nil {
			return s, fmt.Errorf("schedule: reading the schedule %q: %w", text, err)
		}
	}
	return s, nil
}

// planned returns the schedule that does only what is in points.
func (s schedule) planned(points []point.Planned) schedule {
	if len(points) == 0 {
		return schedule{mode: "off", procs: s.procs}
	}
	s.mode, s.settings = "plan", s.settings.OnlyPlanned(points)
	return s
}
