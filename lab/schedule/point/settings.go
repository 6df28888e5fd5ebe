package point

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Chance is how often something is done, of 1024 times.
type Chance uint16

// Always is the chance of what is done each time.
const Always Chance = 1024

// Order is the order in which goroutines of equal rank that stay go on, and how patient they are with timers.
type Order uint8

// The orders.
const (
	BySeed      Order = iota // the seed decides
	ChildFirst               // children before the goroutine that started them, then who came first
	NewestFirst              // as ChildFirst, but who has just come goes first if it neither sends nor holds a lock
)

// SelectOrder is how a select takes one of several cases that are ready.
type SelectOrder uint8

// The orders of cases.
const (
	SelectRandom SelectOrder = iota // as Go does
	SelectSeeded                    // each time as the seed decides
	SelectFixed                     // one place in the program prefers the same case during a whole run
)

// Priorities are how goroutines get theirs.
type Priorities uint8

// The ways to give priorities.
const (
	NoPriorities     Priorities = iota // the runtime decides who runs
	RandomPriorities                   // as the seed decides (PCT)
	OldestFirst                        // a new goroutine comes after all that are there, and what it does after the end of its test comes then
)

// Planned is an action at one operation of one goroutine.
type Planned struct {
	ID     uint64 // the goroutine's logical id
	N      uint32 // the number of its operation, from 1
	Action Action
}

// Settings decide what points do. The zero value does nothing at all.
type Settings struct {
	// Chances of an action at any point.
	Yield, Stay, Nap, Demote Chance
	// StayBefore is the chance of a stay by the kind of the operation.
	StayBefore [Kinds]Chance
	// StayNested is the chance of a stay before what may block while a lock is held, StayFirst that of one at a
	// goroutine's first operation.
	StayNested, StayFirst Chance
	// LastFirst is the chance that a goroutine which is about to block is put before those that wait already.
	LastFirst Chance
	// Window is the number of operations of one goroutine that are perturbed at full chance. After that the n-th has
	// Window/n of the chance: otherwise a loop of a million operations would not come to its end. Defaults to 32.
	Window uint32
	// NapMax bounds a nap. Defaults to 200 µs.
	NapMax time.Duration
	// Patience is how near the next timer must be for a goroutine that stays to wait for it. Defaults to 2 ms.
	Patience time.Duration
	// A goroutine that stays lets fewer than Rounds timers fire before it goes on. With 0 a random patience decides.
	Rounds uint8
	Order  Order
	// Skew is by how much timers may be late. A timer promises only not to be early.
	Skew time.Duration
	// Priorities runs goroutines by priorities; only with one processor.
	Priorities Priorities
	// QueueNew makes a new goroutine the last to run, not the next one.
	QueueNew bool
	Select   SelectOrder
	// Plan has actions at certain operations, at most MaxPlan.
	Plan []Planned
}

// setting is a key of the text form and its place in Settings.
type setting struct {
	key string
	get func(*Settings) uint64
	set func(*Settings, uint64)
}

func number[T ~uint8 | ~uint16 | ~uint32 | ~int64](key string, field func(*Settings) *T) setting {
	return setting{key, func(s *Settings) uint64 { return uint64(*field(s)) }, func(s *Settings, n uint64) { *field(s) = T(n) }}
}

func flag(key string, field func(*Settings) *bool) setting {
	return setting{key, func(s *Settings) uint64 {
		if *field(s) {
			return 1
		}
		return 0
	}, func(s *Settings, n uint64) { *field(s) = n != 0 }}
}

// settings are all but the plan, in the order of the text form. The program's side reads the same keys.
var settings = func() []setting {
	all := []setting{
		number("yield", func(s *Settings) *Chance { return &s.Yield }),
		number("stay", func(s *Settings) *Chance { return &s.Stay }),
		number("nap", func(s *Settings) *Chance { return &s.Nap }),
		number("demote", func(s *Settings) *Chance { return &s.Demote }),
		number("nested", func(s *Settings) *Chance { return &s.StayNested }),
		number("first", func(s *Settings) *Chance { return &s.StayFirst }),
		number("lastfirst", func(s *Settings) *Chance { return &s.LastFirst }),
		number("window", func(s *Settings) *uint32 { return &s.Window }),
		number("napmax", func(s *Settings) *time.Duration { return &s.NapMax }),
		number("patience", func(s *Settings) *time.Duration { return &s.Patience }),
		number("rounds", func(s *Settings) *uint8 { return &s.Rounds }),
		number("order", func(s *Settings) *Order { return &s.Order }),
		number("skew", func(s *Settings) *time.Duration { return &s.Skew }),
		number("priorities", func(s *Settings) *Priorities { return &s.Priorities }),
		flag("queuenew", func(s *Settings) *bool { return &s.QueueNew }),
		number("select", func(s *Settings) *SelectOrder { return &s.Select }),
	}
	for k := range Kind(Kinds) {
		all = append(all, number("stay-"+k.String(), func(s *Settings) *Chance { return &s.StayBefore[k] }))
	}
	return all
}()

// String returns the text form: key=value, separated by commas, without what is zero. Durations are in ns.
func (s Settings) String() string {
	var parts []string
	for _, f := range settings {
		if n := f.get(&s); n != 0 {
			parts = append(parts, f.key+"="+strconv.FormatUint(n, 10))
		}
	}
	for _, p := range s.Plan {
		parts = append(parts, fmt.Sprintf("at=%d:%d:%d", p.ID, p.N, p.Action))
	}
	return strings.Join(parts, ",")
}

// Set sets what one key of the text form names.
func (s *Settings) Set(key, value string) error {
	if key == "at" {
		var p Planned
		if _, err := fmt.Sscanf(value, "%d:%d:%d", &p.ID, &p.N, &p.Action); err != nil || int(p.Action) >= len(actionNames) {
			return fmt.Errorf("%q is not ID:N:ACTION", value)
		}
		if len(s.Plan) == MaxPlan {
			return fmt.Errorf("more than %d points are planned", MaxPlan)
		}
		s.Plan = append(s.Plan, p)
		return nil
	}
	i := slices.IndexFunc(settings, func(f setting) bool { return f.key == key })
	if i < 0 {
		return fmt.Errorf("there is no setting %q", key)
	}
	n, err := strconv.ParseUint(value, 10, 62)
	if err != nil {
		return err
	}
	settings[i].set(s, n)
	if settings[i].get(s) != n {
		return fmt.Errorf("%s=%s is too large", key, value)
	}
	return nil
}

// OnlyPlanned returns settings that do only what is planned; the order in which goroutines go stays as it is.
func (s Settings) OnlyPlanned(plan []Planned) Settings {
	s.Yield, s.Stay, s.Nap, s.Demote, s.StayNested, s.StayFirst = 0, 0, 0, 0, 0, 0
	s.StayBefore = [Kinds]Chance{}
	s.Plan = plan
	return s
}

// With returns the settings with p planned as well.
func (s Settings) With(p Planned) Settings {
	s.Plan = append(slices.Clone(s.Plan), p)
	return s
}

// Keys returns the keys of the text form, but for the plan's.
func Keys() (keys []string) {
	for _, s := range settings {
		keys = append(keys, s.key)
	}
	return keys
}
