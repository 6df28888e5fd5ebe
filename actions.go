package stability

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/falsifiable/stability/signals"
)

// Action is what a defense did, or what was done to the service, as it shows in a signal from one reading to the next: a breaker that
// opened, a step of the pacer of the collector, a pool that was resized, a configuration that was loaded anew, load that was shed. What
// comes and goes between two readings is seen only where a signal counts it. Seq grows by one with each Action of a Monitor. Age and At are
// those of the reading that showed it; for an action that is Ended, those of
// the last reading that still counted it.
type Action struct {
	Seq    uint64         `json:"seq"`
	Kind   ActionKind     `json:"kind"`
	Signal string         `json:"signal"`
	Labels signals.Labels `json:"labels,omitzero"`
	From   float64        `json:"from"` // in the signal's unit
	To     float64        `json:"to"`
	Age    time.Duration  `json:"age"` // monotonic, since the monitor started
	At     time.Time      `json:"at"`
}

// String says the action in one line, the values as they are read.
func (a Action) String() string {
	name := a.Signal + a.Labels.String()
	switch a.Kind {
	case Counted:
		return fmt.Sprintf("%s: %.6g times", name, a.To-a.From)
	case Began:
		return name + ": begins"
	case Ended:
		return fmt.Sprintf("%s: has ended after %.6g times", name, a.To-a.From)
	}
	return fmt.Sprintf("%s: %.6g -> %.6g", name, a.From, a.To)
}

// ActionKind is how the values of an [Action] are to be read.
type ActionKind uint8

const (
	// Moved means that the signal went from one value to another, such as the state of a breaker or the size of a pool.
	Moved ActionKind = iota
	// Counted means that it happened To - From times.
	Counted
	// Began means that something which goes on for a while began to be counted, such as shed requests.
	Began
	// Ended means that it has stopped: it happened To - From times in that while.
	Ended
)

var actionKinds = [...]string{"moved", "counted", "began", "ended"}

// String returns "moved", "counted", "began" or "ended".
func (k ActionKind) String() string { return actionKinds[min(int(k), len(actionKinds)-1)] }

// MarshalText returns the kind's String.
func (k ActionKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads the kind's String.
func (k *ActionKind) UnmarshalText(text []byte) error {
	i := slices.Index(actionKinds[:], string(text))
	if i < 0 {
		return fmt.Errorf("stability: parsing the kind of an action: %q is none of %s", text, strings.Join(actionKinds[:], ", "))
	}
	*k = ActionKind(i)
	return nil
}

// telling are the signals in which actions show, each with how. Limits that adapt to each load are not among them: they move all the
// time, and would leave no room for the rest.
var telling = map[*signals.Signal]ActionKind{
	signals.Breaker.State:         Moved,
	signals.GCPacer.Percent:       Moved,
	signals.GCPacer.Shedding:      Moved,
	signals.GCPacer.Reverts:       Counted,
	signals.MemLimit.Lifted:       Moved,
	signals.GoRuntime.MemoryLimit: Moved,
	signals.SQLDB.Max:             Moved,
	signals.Config.Generation:     Moved,
	signals.Config.Failing:        Moved,
	signals.Config.Rejected:       Counted,
	signals.Config.Reverted:       Counted,
	signals.Admission.Shed:        Began,
	signals.Bulkhead.Rejected:     Began,
	signals.Retry.Refused:         Began,
	signals.Health.Shed:           Began,
}

const (
	// keepActions bounds the memory of past actions: about 30 KB, taken when there is a first one.
	keepActions = 256
	// quietTicks is how many sampling intervals a count must stay as it is until its while has ended.
	quietTicks = 10
	// goneTicks is after how many intervals without a reading it has ended too: nobody counts it any more.
	goneTicks = 60
)

// actions finds actions in readings. It is plain memory, as the engine: time comes in with the samples. A tick in which nothing happens
// allocates nothing. The caller holds the monitor's lock.
type actions struct {
	kinds  []ActionKind // by signals.ID; untold for signals that tell of no action
	list   []Action     // the latest, oldest first
	seq    uint64
	whiles map[instanceKey]*while
}

// untold is the kind of signals that tell nothing.
const untold = ActionKind(len(actionKinds))

type instanceKey struct {
	id     signals.ID
	labels signals.Labels
}

// while is the time in which something is counted again and again.
type while struct {
	from, to float64
	rose     time.Duration // when it last did
	read     time.Duration // when it was last read
}

func newActions(schema *signals.Schema) *actions {
	a := &actions{kinds: slices.Repeat([]ActionKind{untold}, schema.Len()), whiles: make(map[instanceKey]*while)}
	for s, kind := range telling {
		if id, _, ok := schema.Lookup(s.Name()); ok {
			a.kinds[id] = kind
		}
	}
	return a
}

// look takes what has just been stored. What folds into an instance "other" tells nothing.
func (a *actions) look(store *signals.Store, samples []signals.Sample, started time.Time) {
	for i := range samples {
		s := &samples[i]
		if int(s.ID) >= len(a.kinds) || a.kinds[s.ID] == untold {
			continue
		}
		series := store.Series(s.ID, s.Labels)
		if series == nil || series.Len() < 2 {
			continue
		}
		_, from := series.At(series.Len() - 2)
		at, to := series.At(series.Len() - 1)
		if at != s.At { // it was not taken
			continue
		}
		if a.kinds[s.ID] == Began {
			a.during(store, s, from, to, started)
		} else if from != to {
			a.add(store, s, Action{Kind: a.kinds[s.ID], From: from, To: to}, started)
		}
	}
}

// during tells when something begins to be counted, and when it has stopped. Where as much goes on already as there is room for, it is
// not told of.
func (a *actions) during(store *signals.Store, s *signals.Sample, from, to float64, started time.Time) {
	key := instanceKey{s.ID, s.Labels}
	w := a.whiles[key]
	switch {
	case w == nil && (from == to || len(a.whiles) >= keepActions):
	case w == nil:
		a.whiles[key] = &while{from: from, to: to, rose: s.At, read: s.At}
		a.add(store, s, Action{Kind: Began, From: from, To: to}, started)
	case from != to:
		w.to, w.rose, w.read = to, s.At, s.At
	case s.At-w.rose >= quietTicks*store.Resolution():
		a.end(store, key, w, started)
	default:
		w.read = s.At
	}
}

// forget ends the whiles of instances that are read no longer. The monitor calls it after each tick.
func (a *actions) forget(store *signals.Store, now time.Duration, started time.Time) {
	for key, w := range a.whiles {
		if now-w.read >= goneTicks*store.Resolution() {
			a.end(store, key, w, started)
		}
	}
}

func (a *actions) end(store *signals.Store, key instanceKey, w *while, started time.Time) {
	delete(a.whiles, key)
	a.add(store, &signals.Sample{ID: key.id, Labels: key.labels, At: w.rose}, Action{Kind: Ended, From: w.from, To: w.to}, started)
}

func (a *actions) add(store *signals.Store, s *signals.Sample, made Action, started time.Time) {
	a.seq++
	made.Seq, made.Signal, made.Labels, made.Age, made.At = a.seq, store.Schema().Desc(s.ID).Name, s.Labels, s.At, started.Add(s.At)
	made.From, made.To = number(made.From), number(made.To)
	if a.list == nil {
		a.list = make([]Action, 0, keepActions)
	}
	if len(a.list) == keepActions {
		a.list = slices.Delete(a.list, 0, 1)
	}
	a.list = append(a.list, made)
}

// Actions returns what was done with a Seq above after, oldest first, never nil. The monitor keeps the last 256.
func (m *Monitor) Actions(after uint64) []Action {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := m.actions.list
	first := sort.Search(len(list), func(i int) bool { return list[i].Seq > after })
	return append([]Action{}, list[first:]...)
}
