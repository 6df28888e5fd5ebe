package stability

import (
	"cmp"
	"slices"
	"time"

	"github.com/falsifiable/stability/signals"
)

// SurroundingsDocument is the name under which a bundle of evidence holds its Surroundings.
const SurroundingsDocument = "surroundings"

// Surroundings are what was around a violated check: its own judgments up to then, and the signals beside its own, which tell what
// else grew or came to a halt while it broke. A few points stand for each history, for a glance and not for a replay. stability
// evidence explain reads them.
type Surroundings struct {
	Judgments []Point `json:"judgments"` // of the check, on the instance that was worst each time, oldest first
	Trends    []Trend `json:"trends"`
	// Omitted is how many further instances there were, for which the bundle had no room.
	Omitted int `json:"omitted,omitempty"`
}

// Trend is the history of one instance of a signal, thinned: Values[i] was read at At[i], monotonic, since the monitor started.
// Counters have their resets undone.
type Trend struct {
	Name   string          `json:"name"`
	Labels signals.Labels  `json:"labels,omitzero"`
	Unit   signals.Unit    `json:"unit"`
	Kind   signals.Kind    `json:"kind"`
	At     []time.Duration `json:"at"`
	Values []float64       `json:"values"`
}

const (
	trendPoints = 16  // of each trend
	trendsKept  = 500 // of a bundle: 400 kB
	// trendReadings is how few readings make no trend.
	trendReadings = 8
)

// recordSurroundings copies the histories that the monitor has of other signals than the check's own, within about so many bytes
// of JSON. It takes the lock for one signal at a time, as recordIncident does.
func (m *Monitor) recordSurroundings(i incident, bytes int64) *Surroundings {
	own := i.check.program.Signals()
	room := min(trendsKept, int(bytes/(trendPoints*readingBytes)))
	s := &Surroundings{Judgments: m.History(i.violation.Contract, i.violation.Name), Trends: []Trend{}}
	s.Judgments = slices.DeleteFunc(s.Judgments, func(p Point) bool { return p.Age > i.transition.Age })
	for n := range m.schema.Len() {
		if id := signals.ID(n); !slices.Contains(own, id) {
			m.appendTrends(s, id, i.transition.Age, room)
		}
	}
	slices.SortStableFunc(s.Trends, func(a, b Trend) int { return cmp.Compare(a.Name, b.Name) })
	return s
}

func (m *Monitor) appendTrends(s *Surroundings, id signals.ID, last time.Duration, room int) {
	desc := m.schema.Desc(id)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, series := range m.engine.store.Instances(id) {
		n := 0 // readings that are not after the violation
		for n < series.Len() {
			if at, _ := series.At(n); at > last {
				break
			}
			n++
		}
		if n < trendReadings {
			continue
		}
		if len(s.Trends) >= room {
			s.Omitted++
			continue
		}
		t := Trend{Name: desc.Name, Labels: series.Labels(), Unit: desc.Unit, Kind: desc.Kind}
		points := min(n, trendPoints)
		for p := range points {
			at, v := series.At(p * (n - 1) / (points - 1))
			if finite(v) != nil {
				t.At, t.Values = append(t.At, at), append(t.Values, v)
			}
		}
		s.Trends = append(s.Trends, t)
	}
}
