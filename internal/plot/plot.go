// Package plot draws the course of a check: its value against its threshold, with axes, units, and what happened when. The console and
// the report of falsify show what it draws, and both look as look.css says.
package plot

import (
	_ "embed"
	"math"
	"strconv"

	"github.com/falsifiable/stability/signals"
)

// Look is a style sheet: colors for light and dark, and the classes that a drawn Plot has.
//
//go:embed look.css
var Look string

// Point is one judgment. A value that is not there, or is not finite, leaves a gap.
type Point struct {
	At               float64 // seconds
	Value, Threshold *float64
	Violated         bool
}

// Options say what is laid out around the points.
type Options struct {
	Width, Height float64 // of the box in which the curves are; labels are beside it
	Unit          signals.Unit
	PerSecond     bool
	// Relative counts time back from the last point, which is now.
	Relative bool
	// Fault is from when to when a fault was at work, Deadline when the check was to have fired; 0 for neither.
	Fault    [2]float64
	Deadline float64
}

// Plot is what is to be drawn, in pixels from the upper left corner of the box.
type Plot struct {
	Width     float64
	Height    float64
	Value     string // the d of an SVG path, "" if nothing could be judged
	Threshold string // another
	Violated  []Band
	Fault     *Band
	Deadline  *float64 // where on the axis of time
	X         []Tick
	Y         []Tick
}

// Band is a span of time.
type Band struct {
	X     float64
	Width float64
}

// Tick is a mark on an axis.
type Tick struct {
	At    float64
	Label string
}

// margin is above the greatest value and below the least, so that no line lies on the frame.
const margin = 8

// narrowest is how wide a band is at least, to be seen at all.
const narrowest = 1.5

// New lays out points, which are in order of time. Zero is always on the axis of values: one that starts at the least value makes small
// changes look large.
func New(points []Point, o Options) Plot {
	p := Plot{Width: o.Width, Height: o.Height, Violated: []Band{}, X: []Tick{}, Y: []Tick{}}
	if len(points) == 0 {
		return p
	}
	first, last := 0.0, points[len(points)-1].At
	if o.Relative {
		first = min(points[0].At, last-1) // one point alone is on the right of a second, however long the service has run
	}
	last = max(last, first+1e-9, o.Deadline)
	low, high := bounds(points)
	x := func(at float64) float64 { return o.Width * (at - first) / (last - first) }
	y := func(v float64) float64 { return o.Height - margin - (o.Height-2*margin)*(v-low)/(high-low) }
	p.Value = path(points, func(q Point) *float64 { return q.Value }, x, y)
	p.Threshold = path(points, func(q Point) *float64 { return q.Threshold }, x, y)
	for i, q := range points {
		if q.Violated {
			p.violate(x(q.At), x(points[min(i+1, len(points)-1)].At))
		}
	}
	if from, to := o.Fault[0], o.Fault[1]; to > from {
		p.Fault = &Band{round(x(from)), round(x(to) - x(from))}
	}
	if o.Deadline > 0 {
		at := round(x(o.Deadline))
		p.Deadline = &at
	}
	origin := 0.0
	if o.Relative {
		origin = last
	}
	for _, t := range steps(first-origin, last-origin, signals.Seconds, int(o.Width/80)) {
		p.X = append(p.X, Tick{round(x(t + origin)), Label(t, signals.Seconds, false)})
	}
	if p.Value == "" {
		return p // an axis of values without values tells nothing
	}
	for _, v := range steps(low, high, o.Unit, int(o.Height/28)) {
		p.Y = append(p.Y, Tick{round(y(v)), Label(v, o.Unit, o.PerSecond)})
	}
	return p
}

// violate adds a band, or makes the last one longer.
func (p *Plot) violate(from, to float64) {
	to = max(to, from+narrowest)
	if n := len(p.Violated); n > 0 {
		if band := &p.Violated[n-1]; band.X+band.Width >= from-0.1 {
			band.Width = round(to - band.X)
			return
		}
	}
	p.Violated = append(p.Violated, Band{round(from), round(to - from)})
}

func path(points []Point, of func(Point) *float64, x, y func(float64) float64) string {
	var d []byte
	pen := byte('M')
	for _, q := range points {
		v := of(q)
		if v == nil || !finite(*v) {
			pen = 'M'
			continue
		}
		d = append(d, pen)
		d = strconv.AppendFloat(d, round(x(q.At)), 'f', -1, 64)
		d = append(d, ' ')
		d = strconv.AppendFloat(d, round(y(*v)), 'f', -1, 64)
		pen = 'L'
	}
	return string(d)
}

// bounds is the range of the axis of values.
func bounds(points []Point) (low, high float64) {
	for _, q := range points {
		for _, v := range []*float64{q.Value, q.Threshold} {
			if v != nil && finite(*v) {
				low, high = min(low, *v), max(high, *v)
			}
		}
	}
	if low == high {
		high = low + 1
	}
	return low, high
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// round keeps a tenth of a pixel.
func round(v float64) float64 { return math.Round(v*10) / 10 }
