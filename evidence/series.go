package evidence

import (
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/falsifiable/stability/signal"
)

// Series is the document "series": the readings that led to a violation, enough to run the engine over them again.
//
//	{
//	  "resolution_ns": 1000000000,
//	  "now_ns": 93000000000,
//	  "signals": [{
//	    "name": "db.client.connection.count", "unit": "count", "kind": "gauge", "labels": ["pool"],
//	    "instances": [{"labels": "{pool=\"orders\"}", "at_ns": [91000000000, 92000000000], "value": [7, 8]}]
//	  }]
//	}
//
// Times are monotonic, since the monitor started. Counters have their resets undone, as [signal.Series] keeps them.
type Series struct {
	Resolution time.Duration  `json:"resolution_ns"`
	Now        time.Duration  `json:"now_ns"` // of the evaluation that found the violation
	Signals    []SignalSeries `json:"signals"`
}

// SignalSeries is one signal: its declaration, as far as expressions depend on it, and its instances.
type SignalSeries struct {
	Name      string           `json:"name"`
	Aliases   []string         `json:"aliases,omitempty"`
	Unit      string           `json:"unit"`
	Kind      string           `json:"kind"`
	Labels    []string         `json:"labels,omitempty"`
	Bound     string           `json:"bound,omitempty"`
	Instances []InstanceSeries `json:"instances"`
}

// InstanceSeries is the readings of one instance, oldest first; At and Value have the same length.
type InstanceSeries struct {
	Labels signal.Labels   `json:"labels,omitzero"`
	At     []time.Duration `json:"at_ns"`
	Value  Values          `json:"value"`
}

// Values are readings. In JSON they are numbers that read back to the same bits; infinities and NaN, for which JSON has
// no number, are the strings "+Inf", "-Inf" and "NaN".
type Values []float64

// MarshalJSON implements [json.Marshaler].
func (v Values) MarshalJSON() ([]byte, error) {
	out := make([]byte, 0, 2+8*len(v))
	out = append(out, '[')
	for i, x := range v {
		if i > 0 {
			out = append(out, ',')
		}
		if math.IsInf(x, 0) || math.IsNaN(x) {
			out = strconv.AppendQuote(out, strconv.FormatFloat(x, 'g', -1, 64))
			continue
		}
		out = strconv.AppendFloat(out, x, 'g', -1, 64)
	}
	return append(out, ']'), nil
}

// UnmarshalJSON implements [json.Unmarshaler].
func (v *Values) UnmarshalJSON(data []byte) error {
	var raw []json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	values := make(Values, len(raw))
	for i, r := range raw {
		text := string(r)
		switch text {
		case `"+Inf"`, `"-Inf"`, `"NaN"`:
			text = text[1 : len(text)-1]
		}
		x, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("evidence: reading values: number %d is %.40s", i, text)
		}
		values[i] = x
	}
	*v = values
	return nil
}

// RecordSeries copies the readings since from of those signals out of a store. The store must not change meanwhile.
func RecordSeries(store *signal.Store, ids []signal.ID, from, now time.Duration) *Series {
	doc := &Series{Resolution: store.Resolution(), Now: now}
	for _, id := range ids {
		d := store.Schema().Desc(id)
		s := SignalSeries{Name: d.Name, Aliases: d.Aliases, Unit: d.Unit.String(), Kind: d.Kind.String(), Labels: d.Labels,
			Bound: d.Bound, Instances: []InstanceSeries{}}
		for _, series := range store.Instances(id) {
			first := series.From(from)
			inst := InstanceSeries{Labels: series.Labels(), At: make([]time.Duration, 0, series.Len()-first)}
			older, newer := series.Values(first)
			inst.Value = append(append(make(Values, 0, cap(inst.At)), older...), newer...)
			for i := first; i < series.Len(); i++ {
				at, _ := series.At(i)
				inst.At = append(inst.At, at)
			}
			s.Instances = append(s.Instances, inst)
		}
		doc.Signals = append(doc.Signals, s)
	}
	return doc
}

// Validate reports whether the document makes sense: known units and kinds, as many times as values, in order.
func (s *Series) Validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("evidence: reading series: "+format, args...)
	}
	for _, sig := range s.Signals {
		if _, err := sig.desc(); err != nil {
			return err
		}
		for _, inst := range sig.Instances {
			if len(inst.At) != len(inst.Value) {
				return bad("%s%s: %d times and %d values", sig.Name, inst.Labels, len(inst.At), len(inst.Value))
			}
			for i := 1; i < len(inst.At); i++ {
				if inst.At[i] <= inst.At[i-1] {
					return bad("%s%s: reading %d at %v is not after %v", sig.Name, inst.Labels, i, inst.At[i], inst.At[i-1])
				}
			}
		}
	}
	return nil
}

// Replay declares the document's signals in a schema and returns its readings again, all of one moment together, in
// order of time: what a simulation wants for its steps. The slices share memory and must not be changed.
func (s *Series) Replay(schema *signal.Schema) (iter.Seq2[time.Duration, []signal.Sample], error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	var all []signal.Sample
	for _, sig := range s.Signals {
		d, _ := sig.desc()
		id, err := schema.Add(d)
		if err != nil {
			return nil, fmt.Errorf("evidence: replaying series: %w", err)
		}
		for _, inst := range sig.Instances {
			for i, at := range inst.At {
				all = append(all, signal.Sample{ID: id, Labels: inst.Labels, At: at, Value: inst.Value[i]})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b signal.Sample) int { return cmp.Compare(a.At, b.At) })
	return func(yield func(time.Duration, []signal.Sample) bool) {
		for rest := all; len(rest) > 0; {
			n := slices.IndexFunc(rest, func(x signal.Sample) bool { return x.At != rest[0].At })
			if n < 0 {
				n = len(rest)
			}
			if !yield(rest[0].At, rest[:n]) {
				return
			}
			rest = rest[n:]
		}
	}, nil
}

func (s SignalSeries) desc() (signal.Desc, error) {
	d := signal.Desc{Name: s.Name, Aliases: s.Aliases, Labels: s.Labels, Bound: s.Bound, Source: "evidence"}
	var ok bool
	if d.Unit, ok = parse(s.Unit, signal.Count, signal.Bytes, signal.Seconds, signal.Ratio); !ok {
		return d, fmt.Errorf("evidence: reading series: %s: unknown unit %q", s.Name, s.Unit)
	}
	if d.Kind, ok = parse(s.Kind, signal.Gauge, signal.Counter, signal.Size, signal.Instant); !ok {
		return d, fmt.Errorf("evidence: reading series: %s: unknown kind %q", s.Name, s.Kind)
	}
	return d, nil
}

// parse finds the one among values whose word it is.
func parse[T fmt.Stringer](word string, values ...T) (T, bool) {
	for _, v := range values {
		if v.String() == word {
			return v, true
		}
	}
	var zero T
	return zero, false
}
