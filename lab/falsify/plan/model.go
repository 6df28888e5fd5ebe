package plan

import (
	"maps"
	"math"
	"slices"
	"time"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/signals"
)

// model predicts what the signals of a check read at any time: without a fault, what was measured; with faults, what
// these declare.
type model struct {
	world  World
	schema *signals.Schema
	lines  []line
	found  map[fault.Quantity]float64
}

// line is one instance of a signal.
type line struct {
	id     signals.ID
	desc   signals.Desc
	labels signals.Labels
	value  float64
	growth float64
	bound  float64 // it never exceeds that; infinite without
	weight float64 // its share of the load
	born   bool    // a fault brings it about
}

// order is a fault with parsed arguments, and how much stronger or weaker than declared it is taken to be.
type order struct {
	fault    fault.Fault
	args     fault.Args
	strength float64
}

// quantities are read off these counters.
var quantities = map[fault.Quantity]string{
	fault.Requests: "http.server.request.count",
	fault.Calls:    "rpc.server.call.count",
	fault.Outgoing: "http.client.request.count",
	fault.Outcalls: "rpc.client.call.count",
}

// weights are the counters by which the load divides among the instances of signals with that label.
var weights = map[string][]string{
	"route":  {"http.server.route.request.count"},
	"method": {"rpc.server.method.call.count"},
	"peer":   {"http.client.peer.request.count", "rpc.client.peer.call.count"},
}

// newModel makes the model of the signals that a check reads.
func newModel(w World, schema *signals.Schema, reads []signals.ID) *model {
	m := &model{world: w, schema: schema, found: make(map[fault.Quantity]float64)}
	for q, name := range quantities {
		for _, r := range w.Readings {
			if r.Name == name {
				m.found[q] += r.Growth
			}
		}
	}
	m.found[fault.Processors] = m.reading("go.processor.limit", signals.Labels{}, 1)
	for _, id := range reads {
		desc := schema.Desc(id)
		for _, r := range w.Readings {
			if r.Name != desc.Name {
				continue
			}
			l := line{id: id, desc: desc, labels: r.Labels, value: r.Value, bound: math.Inf(1), weight: m.weight(desc, r.Labels)}
			if moves(desc) {
				l.growth = r.Growth
			}
			if desc.Bound != "" {
				l.bound = m.reading(desc.Bound, r.Labels, math.Inf(1))
			}
			m.lines = append(m.lines, l)
		}
	}
	return m
}

// moves reports whether a signal grows by itself. The growth of any other was chance.
func moves(d signals.Desc) bool {
	return d.Kind == signals.Counter || d.Kind == signals.Instant || d.Name == "process.uptime"
}

func (m *model) reading(name string, labels signals.Labels, otherwise float64) float64 {
	for _, r := range m.world.Readings {
		if r.Name == name && r.Labels == labels {
			return r.Value
		}
	}
	return otherwise
}

// weight is an instance's share of the load, 1 where nothing tells.
func (m *model) weight(d signals.Desc, labels signals.Labels) float64 {
	if len(d.Labels) == 0 {
		return 1
	}
	own, all := 0.0, 0.0
	for _, r := range m.world.Readings {
		if slices.Contains(weights[d.Labels[0]], r.Name) {
			all += r.Growth
			if r.Labels == labels {
				own += r.Growth
			}
		}
	}
	if own <= 0 || all <= 0 {
		return 1
	}
	return own / all
}

// with returns the model with the instances added that the orders bring about.
func (m *model) with(orders []order) *model {
	added := *m
	added.lines = slices.Clone(m.lines)
	for _, o := range orders {
		for _, e := range o.fault.Effects {
			if len(e.Labels) == 0 || !e.Applies(o.args) {
				continue
			}
			id, desc, ok := m.schema.Lookup(e.Signal)
			if !ok || slices.ContainsFunc(added.lines, func(l line) bool { return l.id == id && carries(l.labels, e.Labels) }) {
				continue
			}
			added.lines = append(added.lines, line{id: id, desc: desc, labels: m.invent(desc, e.Labels), bound: math.Inf(1), weight: 1, born: true})
		}
	}
	return &added
}

// invent makes the labels of an instance that nobody has seen yet.
func (m *model) invent(d signals.Desc, given map[string]string) signals.Labels {
	var pairs []string
	for _, key := range d.Labels {
		value, ok := given[key]
		if !ok {
			value = m.usual(key)
		}
		pairs = append(pairs, key, value)
	}
	return signals.NewLabels(pairs...)
}

// usual is a value that the label has elsewhere.
func (m *model) usual(key string) string {
	for _, r := range m.world.Readings {
		if v, ok := r.Labels.Get(key); ok {
			return v
		}
	}
	return "any"
}

func carries(labels signals.Labels, wanted map[string]string) bool {
	for _, key := range slices.Sorted(maps.Keys(wanted)) {
		if v, ok := labels.Get(key); !ok || v != wanted[key] {
			return false
		}
	}
	return true
}

// sample appends what all instances read at a time; injected is how long the orders have been at work, negative before.
func (m *model) sample(dst []signals.Sample, at, injected time.Duration, orders []order) []signals.Sample {
	for i := range m.lines {
		l := &m.lines[i]
		if l.born && injected < 0 {
			continue
		}
		v := l.value + m.grown(l, at, injected, orders)
		if injected >= 0 {
			for _, o := range orders {
				v = m.move(l, v, injected.Seconds(), o)
			}
		}
		if l.desc.Kind != signals.Counter {
			v = math.Min(v, l.bound)
		}
		dst = append(dst, signals.Sample{ID: l.id, Labels: l.labels, At: at, Value: v})
	}
	return dst
}

// grown is by how much a signal has grown by itself, less what the orders take from that. A counter that stands still
// must not grow by a rounding error: checks ask whether rate(x) == 0.
func (m *model) grown(l *line, at, injected time.Duration, orders []order) float64 {
	share, since := 0.0, time.Duration(0)
	for _, o := range orders {
		for _, e := range o.fault.Effects {
			if e.Move != fault.Slow || !m.concerns(e, l, o) {
				continue
			}
			after := injected - time.Duration(e.After.Value(o.args, m.found)*float64(time.Second))
			if s := math.Min(e.By.Value(o.args, m.found), 1); after > 0 && s > share {
				share, since = s, after
			}
		}
	}
	return l.growth*(at-since).Seconds() + l.growth*(1-share)*since.Seconds()
}

// concerns reports whether an effect of an order is on that instance.
func (m *model) concerns(e fault.Effect, l *line, o order) bool {
	name := e.Signal
	if name == "" {
		name = o.args.Choice("signal")
	}
	return name == l.desc.Name && e.Applies(o.args) && (len(e.Labels) == 0 || carries(l.labels, e.Labels)) && m.has(e.Needs)
}

// has reports whether the service reads the signal that an effect needs.
func (m *model) has(name string) bool {
	return name == "" || slices.ContainsFunc(m.world.Readings, func(r Reading) bool { return r.Name == name })
}

// move applies the effects of one order to one reading.
func (m *model) move(l *line, v, since float64, o order) float64 {
	for _, e := range o.fault.Effects {
		if !m.concerns(e, l, o) {
			continue
		}
		since := since - e.After.Value(o.args, m.found)
		if since < 0 {
			continue
		}
		by, most := m.amount(e.By, l, o), m.amount(e.Most, l, o)
		switch e.Move {
		case fault.Grow:
			grown := by * since
			if most > 0 {
				grown = math.Min(grown, most)
			}
			v += grown
		case fault.Raise:
			v = math.Max(v, by)
		case fault.Lower:
			if by > 0 {
				v = math.Min(v, by)
			}
		case fault.Set:
			v = e.By.Value(o.args, m.found)
		}
	}
	return v
}

// amount is what a fault declares, multiplied by the order's strength. Constants, and amounts that go only by shares,
// are not multiplied: they do not turn out weaker or stronger.
func (m *model) amount(a fault.Amount, l *line, o order) float64 {
	v := a.Value(o.args, m.found)
	for _, p := range o.fault.Params {
		if p.Unit != fault.Ratio && slices.Contains(a.Params, p.Name) {
			v *= o.strength
			break
		}
	}
	if len(a.Times) > 0 && a.Times[0] != fault.Processors {
		v *= l.weight
	}
	return v
}

// memory is what the orders take, in bytes.
func memory(orders []order) (bytes float64) {
	for _, o := range orders {
		most := 0.0
		for _, e := range o.fault.Effects {
			if e.Signal == "process.memory.usage" && e.Applies(o.args) {
				most = max(most, e.Most.Value(o.args, nil))
			}
		}
		bytes += most
	}
	return bytes
}
