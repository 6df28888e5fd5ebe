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
	// descs are the declarations of all signals that the service knows, its own among them.
	descs map[string]signals.Desc
	// readings are those of the signals that checks read.
	readings map[signalKey][]reading
	wanted   map[string]bool // names of those signals
	// everything has the readings of all signals while the service is examined, and is nil afterwards.
	everything *survey
	scale      float64
	sample     time.Duration
}

// signalKey is one instance of a signal.
type signalKey struct {
	name   string
	labels signals.Labels
}

func (k signalKey) String() string { return k.name + k.labels.String() }

type reading struct {
	at    time.Time
	value float64
}

func newWatch(client *agent.Client) *watch {
	now := time.Now()
	return &watch{
		client: client, begun: now, heard: now, fired: make(map[string][]time.Time), lines: make(map[string]*report.Line),
		readings: make(map[signalKey][]reading), wanted: make(map[string]bool),
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
	if w.descs == nil && len(snapshots) > 0 {
		w.learnSchema(ctx)
	}
	w.checks = w.checks[:0]
	for i, s := range snapshots {
		if i == len(w.seen) {
			w.seen = append(w.seen, 0)
		}
		w.scale, w.sample = s.TimeScale, s.SampleInterval
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
				check := subjectCheck{k, c.Name, c.Interval}
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
		line = &report.Line{Check: c.id(), Unit: c.Unit, PerSecond: c.PerSecond}
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

// learnSchema asks which signals there are. Without an answer the standard ones will do.
func (w *watch) learnSchema(ctx context.Context) {
	all, err := w.client.Schema(ctx)
	if err != nil {
		all = signals.Standard()
	}
	w.descs = make(map[string]signals.Desc, len(all))
	for _, d := range all {
		w.descs[d.Name] = d
	}
}

// gauge returns the declaration of a signal, and whether it can come back to a baseline.
func (w *watch) gauge(name string) (signals.Desc, bool) {
	d, ok := w.descs[name]
	return d, ok && (d.Kind == signals.Gauge || d.Kind == signals.Size)
}

func (w *watch) read(values []stability.SignalValue, now time.Time) {
	for _, c := range w.checks {
		for _, name := range c.Signals {
			w.wanted[name] = true
		}
	}
	for _, v := range values {
		key := signalKey{v.Name, v.Instance}
		if w.wanted[v.Name] {
			w.readings[key] = append(w.readings[key], reading{now, v.Value})
		}
		if w.everything != nil {
			w.everything.add(key, reading{now, v.Value})
		}
	}
}

// between returns the readings of a signal from one moment to another.
func (w *watch) between(key signalKey, from, to time.Time) []float64 {
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
