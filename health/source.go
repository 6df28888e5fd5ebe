package health

import (
	"time"

	"github.com/falsifiable/stability/signals"
)

// Source returns a source of the signals of group [signals.Health], for the monitor that is to watch the components.
func (c *Components) Source() signals.Source {
	s := &source{components: c}
	for _, w := range c.list {
		s.labels = append(s.labels, signals.NewLabels("component", w.Name))
	}
	return s
}

type source struct {
	components *Components
	labels     []signals.Labels
}

func (s *source) Describe() []*signals.Signal { return signals.Group(signals.Health) }

func (s *source) Sample(dst *signals.Batch) {
	c, on := s.components, signals.Health
	dst.Add(on.Ready, number(c.Ready()))
	dst.Add(on.Early, float64(c.early.Load()))
	dst.Add(on.Shed, float64(c.shed.Load()))
	now := time.Now()
	for i, w := range c.list {
		age, overdue, failing := w.reading(now)
		dst.AddInstance(on.Age, s.labels[i], age.Seconds())
		dst.AddInstance(on.Overdue, s.labels[i], number(overdue))
		dst.AddInstance(on.Failing, s.labels[i], number(failing))
	}
}

// reading is what the signals say of the component. Age is that of the last result, or how long there has been none.
func (w *watched) reading(now time.Time) (age time.Duration, overdue, failing bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	since := w.at
	if !w.checked {
		since = w.since
	}
	return now.Sub(since), w.overdue(now), w.err != nil
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
