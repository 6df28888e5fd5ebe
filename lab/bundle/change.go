package bundle

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/signals"
)

// Change is a signal whose value at the end of its history differs from that at the beginning.
type Change struct {
	Signal string         `json:"signal"`
	Labels signals.Labels `json:"labels,omitzero"`
	Unit   signals.Unit   `json:"-"`
	Rate   bool           `json:"rate,omitempty"` // of a counter: per second
	Before float64        `json:"before"`         // the median of the history's first quarter
	After  float64        `json:"after"`          // that of its last
	In     time.Duration  `json:"in"`
	Own    bool           `json:"own,omitempty"` // one of the signals of the check that broke
}

const (
	// changed is the factor by which a signal must have changed to be listed. Healthy services change by less all the
	// time.
	changed = 1.25
	// changesTold is how many changes are listed in each direction.
	changesTold = 8
)

// size is how much it changed, as a logarithm: the same for a doubling and a halving but for the sign. What comes from nothing
// counts as a hundredfold.
func (c Change) size() float64 {
	least := max(math.Abs(c.Before), math.Abs(c.After)) / 100
	return math.Log(max(c.After, least) / max(c.Before, least))
}

// changes returns what grew and what fell, the most first, of histories.
func changes(trends []stability.Trend, own bool) (grew, fell []Change) {
	for _, t := range trends {
		c, ok := changeOf(t)
		if !ok {
			continue
		}
		c.Own = own
		switch size := c.size(); {
		case size >= math.Log(changed):
			grew = append(grew, c)
		case size <= -math.Log(changed):
			fell = append(fell, c)
		}
	}
	return grew, fell
}

func most(list []Change) []Change {
	slices.SortStableFunc(list, func(a, b Change) int {
		if a.Own != b.Own {
			return cmp.Compare(boolean(b.Own), boolean(a.Own))
		}
		return cmp.Or(cmp.Compare(math.Abs(b.size()), math.Abs(a.size())), cmp.Compare(a.Signal, b.Signal))
	})
	return list[:min(len(list), changesTold)]
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

// changeOf compares the ends of a history. Times grow by themselves, and negative values have no factor.
func changeOf(t stability.Trend) (Change, bool) {
	c := Change{Signal: t.Name, Labels: t.Labels, Unit: t.Unit, Rate: t.Kind == signals.Counter}
	values := t.Values
	n := min(len(t.At), len(values))
	if n < 4 || t.Kind == signals.Instant {
		return c, false
	}
	c.In = t.At[n-1] - t.At[0]
	if c.Rate {
		values = nil
		for i := 1; i < n; i++ {
			if span := t.At[i] - t.At[i-1]; span > 0 {
				values = append(values, (t.Values[i]-t.Values[i-1])/span.Seconds())
			}
		}
		n = len(values)
	}
	quarter := max(1, n/4)
	if n < 2 {
		return c, false
	}
	c.Before, c.After = median(values[:quarter]), median(values[n-quarter:n])
	return c, c.Before >= 0 && c.After >= 0 && c.Before != c.After
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// String says the change in a line.
func (c Change) String() string {
	times := ""
	if c.Before > 0 {
		times = fmt.Sprintf(", × %.3g", c.After/c.Before)
	}
	return fmt.Sprintf("%s%s  %s -> %s in %v%s", c.Signal, c.Labels, c.value(c.Before), c.value(c.After), c.In.Round(rounding(c.In)), times)
}

// rounding keeps two digits or more of a span.
func rounding(span time.Duration) time.Duration {
	if span < 10*time.Second {
		return time.Millisecond
	}
	return time.Second
}

func (c Change) value(v float64) string {
	text := quantity(v, c.Unit)
	if c.Rate {
		text += "/s"
	}
	return text
}

// quantity writes a value for people, in its unit.
func quantity(v float64, unit signals.Unit) string {
	switch unit {
	case signals.Bytes:
		for _, u := range []struct {
			size float64
			name string
		}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
			if math.Abs(v) >= u.size {
				return fmt.Sprintf("%.3g %s", v/u.size, u.name)
			}
		}
		return fmt.Sprintf("%.0f B", v)
	case signals.Seconds:
		switch {
		case v != 0 && math.Abs(v) < 1e-3:
			return fmt.Sprintf("%.3g µs", v*1e6)
		case v != 0 && math.Abs(v) < 1:
			return fmt.Sprintf("%.3g ms", v*1e3)
		}
		return fmt.Sprintf("%.3g s", v)
	case signals.Ratio:
		return fmt.Sprintf("%.3g %%", v*100)
	}
	if v == math.Trunc(v) && math.Abs(v) < 1e9 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.4g", v)
}
