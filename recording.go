package stability

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/falsifiable/stability/expr"
	"github.com/falsifiable/stability/internal/timescale"
	"github.com/falsifiable/stability/signals"
)

// RecordingDocument is the name under which a bundle of evidence holds its Recording.
const RecordingDocument = "recording"

// Recording is what led to a violation, complete enough to judge it again: the check, the history of its signals, the
// baselines, and the moments at which the check was judged. It is part of every bundle of evidence; stability
// replay reads it. Durations are monotonic, since the monitor started, in nanoseconds.
type Recording struct {
	Contract       string          `json:"contract"`
	Mode           Mode            `json:"mode"`
	Lenient        bool            `json:"lenient,omitempty"`
	Interval       time.Duration   `json:"interval"`
	SampleInterval time.Duration   `json:"sample_interval"`
	TimeScale      float64         `json:"time_scale"` // by which intervals, For and ranges were multiplied
	Check          Check           `json:"check"`
	Baselines      []expr.Baseline `json:"baselines,omitempty"`
	Evaluated      []time.Duration `json:"evaluated"`  // oldest first, the violation's last
	Transition     Transition      `json:"transition"` // the one that a replay must show again
	Signals        []SignalHistory `json:"signals"`
}

// SignalHistory is the recorded history of one signal.
type SignalHistory struct {
	Desc      signals.Desc      `json:"desc"`
	Instances []InstanceHistory `json:"instances"`
	// Omitted is how many further instances there were, for which the bundle had no room.
	Omitted int `json:"omitted,omitempty"`
}

// InstanceHistory is the recorded history of one instance: Values[i] was read at At[i]. Counters have their
// resets undone.
type InstanceHistory struct {
	Labels signals.Labels  `json:"labels,omitzero"`
	At     []time.Duration `json:"at"`
	Values []float64       `json:"values"`
}

// evaluationsKept bounds how far back a recording tells when its check was judged.
const evaluationsKept = 256

// recordingReadings bounds the readings of a recording, whatever the budget of its bundle: one takes 16 bytes here and some
// thirty as JSON.
const recordingReadings = 256 << 10

// readingBytes is what a reading takes as JSON, about.
const readingBytes = 32

// recordIncident copies what a later replay of a violation needs, within about so many bytes of JSON. The history of the
// instance that is violated comes first; instances that no longer fit are left out, and counted. It takes the lock for one
// history at a time: the service may be in trouble, and so may others be who want to see the monitor's state.
func (m *Monitor) recordIncident(i incident, bytes int64) *Recording {
	k := i.check
	room := int(min(bytes/readingBytes, recordingReadings))
	m.judging.Lock()
	baselines := k.evaluator.Baselines()
	m.judging.Unlock()
	m.mu.Lock()
	r := &Recording{
		Contract: k.contract.Name, Mode: k.contract.Mode, Lenient: k.contract.Lenient,
		Interval: k.contract.Contract.interval(), SampleInterval: m.cfg.SampleInterval, TimeScale: m.scale,
		Check: k.Check, Baselines: baselines, Evaluated: until(k.contract.evaluated, i.transition.Age),
		Transition: i.transition,
	}
	histories := make(map[signals.ID][]*signals.Series)
	for _, id := range k.program.Signals() {
		r.Signals = append(r.Signals, SignalHistory{Desc: m.schema.Desc(id)})
		histories[id] = slices.Clone(m.engine.store.Instances(id))
	}
	m.mu.Unlock()
	for _, own := range []bool{true, false} {
		for n, id := range k.program.Signals() {
			for _, series := range histories[id] {
				if series.Labels().Related(i.transition.Labels) == own {
					r.Signals[n].add(m, series, i.transition.Age, &room)
				}
			}
		}
	}
	return r
}

// until returns a copy of the moments that are not after the last.
func until(moments []time.Duration, last time.Duration) []time.Duration {
	n, _ := slices.BinarySearch(moments, last+1)
	return slices.Clone(moments[:n])
}

// add copies the history of an instance up to a moment, if there is room for it.
func (h *SignalHistory) add(m *Monitor, series *signals.Series, last time.Duration, room *int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if series.Len() > *room {
		h.Omitted++
		return
	}
	copied := InstanceHistory{Labels: series.Labels()}
	for i := range series.Len() {
		at, v := series.At(i)
		if at > last {
			break
		}
		if finite(v) != nil { // else JSON cannot say it, and no comparison can use it
			copied.At, copied.Values = append(copied.At, at), append(copied.Values, v)
		}
	}
	*room -= len(copied.At)
	h.Instances = append(h.Instances, copied)
}

// Replay judges the recorded check again, at the recorded moments, over the recorded history, and returns the changes
// of state. The recorded Transition is among them, unless the history it depended on was no longer there. A recording larger than
// any that a monitor makes is an error: it takes memory many times its own size to judge one again.
func (r *Recording) Replay() ([]Transition, error) {
	err := r.bounded()
	if err != nil {
		return nil, fmt.Errorf("stability: replaying %s/%s: %w", r.Contract, r.Check.Name, err)
	}
	e, c, err := r.engine()
	if err != nil {
		return nil, fmt.Errorf("stability: replaying %s/%s: %w", r.Contract, r.Check.Name, err)
	}
	s := &Simulation{engine: e}
	var transitions []Transition
	steps := r.steps(e.store.Schema())
	evaluated := r.Evaluated
	for _, step := range steps {
		c.next = step.at + 1 // only recorded moments judge
		if len(evaluated) > 0 && evaluated[0] == step.at {
			c.next, evaluated = step.at, evaluated[1:]
		}
		transitions = append(transitions, s.Step(step.at, step.samples)...)
	}
	return transitions, nil
}

func (r *Recording) engine() (*engine, *contract, error) {
	schema := signals.NewSchema()
	instances := 0 // all that were recorded, however many the monitor's cap let through
	for _, h := range r.Signals {
		instances = max(instances, len(h.Instances))
		if _, err := schema.Add(h.Desc); err != nil {
			return nil, nil, err
		}
	}
	store := signals.NewStore(schema, signals.StoreConfig{
		Resolution: timescale.Scale(r.SampleInterval, r.TimeScale), MaxInstances: instances,
	})
	c, err := compile(&Contract{
		Name: r.Contract, Mode: r.Mode, Lenient: r.Lenient, Interval: r.Interval, Checks: []Check{r.Check},
	}, store, r.TimeScale)
	if err != nil {
		return nil, nil, err
	}
	if err := r.affordable(store, c.checks[0].program); err != nil {
		return nil, nil, err
	}
	e := newEngine(store, r.TimeScale, 0)
	e.add(c)
	c.checks[0].warm = true
	c.checks[0].evaluator.SetBaselines(r.Baselines)
	return e, c, nil
}

// moment is one step of a replay.
type moment struct {
	at      time.Duration
	samples []signals.Sample
}

// steps merges the histories and the moments of judgment into one sequence in time.
func (r *Recording) steps(schema *signals.Schema) []moment {
	byTime := make(map[time.Duration][]signals.Sample)
	for _, at := range r.Evaluated {
		byTime[at] = nil
	}
	for _, h := range r.Signals {
		id, _, _ := schema.Lookup(h.Desc.Name)
		for _, in := range h.Instances {
			for i, at := range in.At[:min(len(in.At), len(in.Values))] {
				byTime[at] = append(byTime[at], signals.Sample{ID: id, Labels: in.Labels, At: at, Value: in.Values[i]})
			}
		}
	}
	steps := make([]moment, 0, len(byTime))
	for at, samples := range byTime {
		steps = append(steps, moment{at, samples})
	}
	slices.SortFunc(steps, func(a, b moment) int { return cmp.Compare(a.at, b.at) })
	return steps
}
