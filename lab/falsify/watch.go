package falsify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/lab/falsify/agent"
	"github.com/falsifiable/stability/lab/falsify/report"
	"github.com/falsifiable/stability/signals"
)

// errSilent is an agent that stopped answering.
var errSilent = errors.New("falsify: the service does not answer its fault agent any more")

// silence is how long an agent may be out of reach before the run is given up.
const silence = 15 * time.Second

// watch follows the monitors of one life of the service. Not safe for concurrent use.
type watch struct {
	client *agent.Client
	begun  time.Time
	seen   []uint64 // the last transition seen, per monitor
	heard  time.Time
	checks []subjectCheck // as of the last look
	fired  map[string][]time.Time
	lines  map[string]*report.Line
	// readings are those of the gauges that checks read, by name and labels.
	readings map[string][]reading
	gauges   map[string]signals.Desc
	scale    float64
}

type reading struct {
	at    time.Time
	value float64
}

func newWatch(client *agent.Client) *watch {
	now := time.Now()
	return &watch{
		client: client, begun: now, heard: now, fired: make(map[string][]time.Time), lines: make(map[string]*report.Line),
		readings: make(map[string][]reading), gauges: make(map[string]signals.Desc),
	}
}

// look polls once. A single failure to answer is forgiven; silence is not.
func (w *watch) look(ctx context.Context) error {
	after := uint64(0)
	if len(w.seen) > 0 {
		after = slices.Min(w.seen)
	}
	snapshots, err := w.client.Monitors(ctx, after)
	now := time.Now()
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if now.Sub(w.heard) > silence {
			return fmt.Errorf("%w: %w", errSilent, err)
		}
		return nil
	}
	w.heard = now
	w.checks = w.checks[:0]
	for i, s := range snapshots {
		if i == len(w.seen) {
			w.seen = append(w.seen, 0)
		}
		w.scale = s.TimeScale
		for _, t := range s.Transitions {
			if t.Seq <= w.seen[i] {
				continue
			}
			w.seen[i] = t.Seq
			if t.To == stability.Violated {
				id := t.Contract + "/" + t.Check
				w.fired[id] = append(w.fired[id], t.At)
			}
		}
		for _, c := range s.Contracts {
			for _, k := range c.Checks {
				check := subjectCheck{k, c.Name}
				w.checks = append(w.checks, check)
				w.draw(check, now)
			}
		}
		w.read(s.Signals, now)
	}
	return nil
}

// draw adds a point to the check's line: that of its worst instance.
func (w *watch) draw(c subjectCheck, now time.Time) {
	line := w.lines[c.id()]
	if line == nil {
		line = &report.Line{Check: c.id()}
		w.lines[c.id()] = line
	}
	point := report.Point{At: now.Sub(w.begun).Seconds(), State: c.State}
	for _, in := range c.Instances {
		if in.State == c.State {
			line.Instance = in.Labels.String()
			point.Value, point.Threshold = in.Value, in.Threshold
			break
		}
	}
	line.Points = append(line.Points, point)
}

// standard tells which signals are gauges: only those can come back to a baseline.
var standard = signals.NewSchema(signals.Standard()...)

func (w *watch) read(values []stability.SignalValue, now time.Time) {
	for _, c := range w.checks {
		for _, name := range c.Signals {
			if _, known := w.gauges[name]; known {
				continue
			}
			if _, desc, ok := standard.Lookup(name); ok && (desc.Kind == signals.Gauge || desc.Kind == signals.Size) {
				w.gauges[name] = desc
			}
		}
	}
	for _, v := range values {
		if _, ok := w.gauges[v.Name]; ok {
			key := v.Name + v.Instance.String()
			w.readings[key] = append(w.readings[key], reading{now, v.Value})
		}
	}
}

// between returns the readings of a signal from one moment to another.
func (w *watch) between(key string, from, to time.Time) []float64 {
	var values []float64
	for _, r := range w.readings[key] {
		if !r.at.Before(from) && !r.at.After(to) {
			values = append(values, r.value)
		}
	}
	return values
}

// state is that of a check at the last look.
func (w *watch) state(id string) stability.State {
	for _, c := range w.checks {
		if c.id() == id {
			return c.State
		}
	}
	return stability.Unknown
}

// firedAfter returns when the check fired first after a moment, and whether it did.
func (w *watch) firedAfter(id string, moment time.Time) (time.Time, bool) {
	for _, at := range w.fired[id] {
		if at.After(moment) {
			return at, true
		}
	}
	return time.Time{}, false
}

// keepPoints bounds a recorded line; it is a picture, not a measurement.
const keepPoints = 240

// record returns the lines, thinned.
func (w *watch) record() []*report.Line {
	var lines []*report.Line
	for _, c := range w.checks {
		line := w.lines[c.id()]
		if n := len(line.Points); n > keepPoints {
			thin := make([]report.Point, keepPoints)
			for i := range thin {
				thin[i] = line.Points[i*(n-1)/(keepPoints-1)]
			}
			line.Points = thin
		}
		lines = append(lines, line)
	}
	return lines
}
