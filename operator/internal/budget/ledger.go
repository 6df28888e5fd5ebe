package budget

import (
	"slices"
	"time"
)

// Target is the pod that an action is about, and where it belongs.
type Target struct {
	Namespace, Workload, Pod, UID string
}

// Phase is how far an action has come.
type Phase string

const (
	Granted Phase = "Granted" // entered, so that it counts; nothing is changed yet
	Applied Phase = "Applied" // its effect is there
	Ended   Phase = "Ended"   // its effect is over, or it will never be there
)

// Entry is one action in the ledger. A dry run and a control are entries whose effect never comes.
type Entry struct {
	ID       string // of the incident, and which try it is
	Incident string
	Action   Action
	Target   Target
	Contract string
	Phase    Phase
	DryRun   bool
	Control  bool
	Evidence bool // pulled, or given up
	// ByPerson says that a person ended it.
	ByPerson                bool
	Granted, Applied, Ended time.Time // by the API server's clock
	Why                     string    // the reason for its phase, in words
}

// settled reports whether the action had its effect, or was never to have one, so that its incident is not acted upon again.
func (e *Entry) settled() bool {
	return e.Phase != Ended || e.DryRun || e.Control || !e.Applied.IsZero()
}

// effective reports whether the action has, may have or may get an effect.
func (e *Entry) effective() bool { return !e.DryRun && !e.Control && e.Phase != Ended }

// Freeze is a storm: nothing is begun in its scope until it is over.
type Freeze struct {
	Scope string // a contract's key, or "" for the cluster
	Until time.Time
	Why   string
}

// Ledger is what is remembered. The zero Ledger is empty.
type Ledger struct {
	Entries []Entry
	Frozen  []Freeze
	// Latest is the greatest time seen: a clock behind it is wrong.
	Latest time.Time
}

// maxFrozen is how many contracts freeze one by one. More of them at once freeze the cluster.
const maxFrozen = 64

const (
	hour = time.Hour + 2*ClockTolerance
	day  = 24*time.Hour + 2*ClockTolerance
)

// Clone returns a ledger that shares nothing with this one.
func (l Ledger) Clone() Ledger {
	l.Entries, l.Frozen = slices.Clone(l.Entries), slices.Clone(l.Frozen)
	return l
}

// Prune forgets what bounds nothing any more: actions that ended longer than a day ago, and storms that are over.
func (l *Ledger) Prune(now time.Time) {
	l.Entries = slices.DeleteFunc(l.Entries, func(e Entry) bool {
		return e.Phase == Ended && now.Sub(e.Granted) > day && now.Sub(e.Ended) > day
	})
	l.Frozen = slices.DeleteFunc(l.Frozen, func(f Freeze) bool { return now.After(f.Until) })
}

// Enter adds the entry of a granted action.
func (l *Ledger) Enter(e Entry) {
	l.Entries = append(l.Entries, e)
	l.See(e.Granted)
}

// See notes a time by the API server's clock.
func (l *Ledger) See(now time.Time) {
	if now.After(l.Latest) {
		l.Latest = now
	}
}

// Find returns the entry of an ID, nil if there is none.
func (l *Ledger) Find(id string) *Entry {
	for i := range l.Entries {
		if l.Entries[i].ID == id {
			return &l.Entries[i]
		}
	}
	return nil
}

// Observe notes how many of the watched pods of a scope violate, and reports whether that began a storm, which is when to page
// a person.
func (l *Ledger) Observe(p Policy, scope string, violating, watched int, now time.Time) (began bool) {
	if violating < 2 || violating*100 <= p.StormPercent*watched {
		return false
	}
	until := now.Add(p.StormDelay + 2*ClockTolerance)
	for i := range l.Frozen {
		if f := &l.Frozen[i]; f.Scope == scope {
			began = now.After(f.Until)
			f.Why = stormWords(violating, watched, p.StormDelay)
			if until.After(f.Until) {
				f.Until = until
			}
			return began
		}
	}
	if len(l.Frozen) >= maxFrozen {
		scope = ""
	}
	l.Frozen = append(l.Frozen, Freeze{Scope: scope, Until: until, Why: stormWords(violating, watched, p.StormDelay)})
	return true
}

// frozen returns the storm that holds a contract, nil for none.
func (l *Ledger) frozen(contract string, now time.Time) *Freeze {
	for i := range l.Frozen {
		if f := &l.Frozen[i]; (f.Scope == "" || f.Scope == contract) && !now.After(f.Until) {
			return f
		}
	}
	return nil
}

// count returns how many entries are so.
func (l *Ledger) count(is func(*Entry) bool) int {
	n := 0
	for i := range l.Entries {
		if is(&l.Entries[i]) {
			n++
		}
	}
	return n
}
