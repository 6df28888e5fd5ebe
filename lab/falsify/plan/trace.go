package plan

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/falsifiable/stability/expr"
	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/signals"
)

// Step is what happens to one comparison of a check.
type Step struct {
	// Text is the comparison, such as "go.goroutine.count > 2000".
	Text string
	// Before and After are its left side without the fault and when the check fires, or at the time when it came
	// nearest; Threshold is its right side then. NaN if not known.
	Before, After, Threshold float64
	// Held tells whether it was ever true after the injection.
	Held bool
	Unit signals.Unit
	// PerSecond tells that Unit is one per second.
	PerSecond bool
}

// String says it in words: "go.goroutine.count > 2000: 12 → 2006".
func (s Step) String() string {
	text := fmt.Sprintf("%s: %s → %s", s.Text, s.format(s.Before), s.format(s.After))
	if !s.Held {
		text += ", not " + s.format(s.Threshold)
	}
	return text
}

func (s Step) format(v float64) string { return Format(v, s.Unit, s.PerSecond) }

// Format writes a value as a person would: 300MiB, 2.5s, 12%, 40/s.
func Format(v float64, unit signals.Unit, perSecond bool) string {
	if math.IsNaN(v) {
		return "unknown"
	}
	text := ""
	switch unit {
	case signals.Bytes:
		text = fault.FormatQuantity(rounded(v), fault.Bytes)
	case signals.Seconds:
		if v < 0 || v > 1e9 {
			text = strconv.FormatFloat(v, 'g', 4, 64) + "s"
			break
		}
		text = time.Duration(v * float64(time.Second)).Round(precision(v)).String()
	case signals.Ratio:
		text = strconv.FormatFloat(v*100, 'g', 3, 64) + "%"
		if math.Abs(v) > 10 {
			text = strconv.FormatFloat(v, 'g', 4, 64)
		}
	default:
		text = strconv.FormatFloat(v, 'g', 4, 64)
	}
	if perSecond {
		text += "/s"
	}
	return text
}

// precision keeps about three digits of a duration in seconds.
func precision(v float64) time.Duration {
	for p := time.Nanosecond; p < time.Minute; p *= 10 {
		if v*float64(time.Second) < 1000*float64(p) {
			return p
		}
	}
	return time.Second
}

// rounded keeps bytes to a MiB or KiB, so that they are written without a tail.
func rounded(v float64) float64 {
	for _, unit := range []float64{1 << 20, 1 << 10} {
		if math.Abs(v) >= 4*unit {
			return math.Round(v/unit) * unit
		}
	}
	return math.Round(v)
}

// trace follows one comparison over samples. It belongs to whoever pushes to the store.
type trace struct {
	comparison expr.Logic
	evaluator  *expr.Evaluator
	step       Step
	distance   float64 // from being true, in parts of the threshold
}

// tracer follows all comparisons of a check over samples, wherever they come from.
type tracer struct {
	store  *signals.Store
	traces []*trace
	frozen bool
	last   time.Duration
}

func newTracer(schema *signals.Schema, logic expr.Logic, scale float64, resolution time.Duration) (*tracer, error) {
	t := &tracer{store: signals.NewStore(schema, signals.StoreConfig{Resolution: resolution})}
	for _, c := range logic.Comparisons() {
		program, err := expr.Compile(schema, c.Text, expr.Options{Scale: scale, Lenient: true})
		if err != nil {
			return nil, fmt.Errorf("plan: %w", err)
		}
		for _, w := range program.Windows() {
			t.store.Retain(w.ID, w.Window+4*resolution)
		}
		t.traces = append(t.traces, &trace{
			comparison: c, evaluator: program.Bind(t.store), distance: math.Inf(1),
			step: Step{Text: c.Text, Before: math.NaN(), After: math.NaN(), Threshold: math.NaN(), Unit: c.Unit, PerSecond: c.PerSecond},
		})
	}
	return t, nil
}

// take pushes the samples of one moment. injected tells whether the fault is at work.
func (t *tracer) take(at time.Duration, samples []signals.Sample, injected bool) {
	if injected && !t.frozen {
		t.frozen = true
		for _, tr := range t.traces {
			tr.evaluator.Freeze()
			tr.before(tr.evaluator.Eval(t.last))
		}
	}
	for _, s := range samples {
		t.store.Push(s)
	}
	t.last = at
	for _, tr := range t.traces {
		if !injected {
			tr.evaluator.Learn(at)
			continue
		}
		tr.look(tr.evaluator.Eval(at))
	}
}

// before keeps what the left side was before the injection.
func (tr *trace) before(outcomes []expr.Outcome) {
	nearest := math.Inf(1)
	for _, o := range outcomes {
		if d := distance(tr.comparison.Compare, o.Value, o.Threshold); d < nearest {
			nearest, tr.step.Before = d, o.Value
		}
	}
}

// look keeps the moment at which the comparison was nearest to being true.
func (tr *trace) look(outcomes []expr.Outcome) {
	for _, o := range outcomes {
		if math.IsNaN(o.Value) || math.IsNaN(o.Threshold) {
			continue
		}
		d := distance(tr.comparison.Compare, o.Value, o.Threshold)
		if o.Truth == expr.True {
			tr.step.Held = true
		}
		if d < tr.distance || math.IsNaN(tr.step.After) {
			tr.distance = d
			tr.step.After, tr.step.Threshold = o.Value, o.Threshold
		}
	}
}

// distance is how far a comparison is from being true, negative once it is.
func distance(compare string, left, right float64) float64 {
	scale := math.Max(math.Abs(left), math.Abs(right))
	if scale == 0 {
		scale = 1
	}
	switch compare {
	case ">", ">=":
		return (right - left) / scale
	case "<", "<=":
		return (left - right) / scale
	case "!=":
		return -math.Abs(left-right) / scale
	}
	return math.Abs(left-right) / scale
}

func (t *tracer) steps() []Step {
	steps := make([]Step, len(t.traces))
	for i, tr := range t.traces {
		steps[i] = tr.step
	}
	return steps
}

// steps returns what happens to each comparison by the time the check fires, or until the limit if it does not.
func (l *laboratory) steps(orders []order, until time.Duration) []Step {
	t, err := newTracer(l.schema, l.logic, l.world.Scale, l.step)
	if err != nil {
		return nil // the whole compiled, so its parts do
	}
	m := l.model.with(orders)
	var samples []signals.Sample
	for at := time.Duration(0); at <= l.lead+until; at += l.step {
		injected := at - l.lead
		samples = m.sample(samples[:0], at, injected, orders)
		t.take(at, samples, injected >= 0)
	}
	return t.steps()
}

// Recorded is what the signals of a check really read in a run, oldest first.
type Recorded struct {
	At       time.Duration
	Injected bool
	Readings []Reading
}

// Explain tells what happened to each comparison of a check in a run, from what was recorded of it.
func Explain(c Check, w World, run []Recorded) ([]Step, error) {
	l, err := newLaboratory(c, w)
	if err != nil {
		return nil, err
	}
	// Readings that came faster than usual must not push the beginning of a window out of the store.
	resolution := l.step
	if n := len(run); n > 1 {
		resolution = min(resolution, (run[n-1].At-run[0].At)/time.Duration(2*n))
	}
	t, err := newTracer(l.schema, l.logic, w.Scale, max(resolution, time.Microsecond))
	if err != nil {
		return nil, err
	}
	var samples []signals.Sample
	for _, moment := range run {
		samples = samples[:0]
		for _, r := range moment.Readings {
			if id, _, ok := l.schema.Lookup(r.Name); ok {
				samples = append(samples, signals.Sample{ID: id, Labels: r.Labels, At: moment.At, Value: r.Value})
			}
		}
		t.take(moment.At, samples, moment.Injected)
	}
	return t.steps(), nil
}

// Missing words what kept a check from firing, given what happened to its comparisons: "" if all of them held.
func Missing(steps []Step) string {
	var words []string
	for _, s := range steps {
		if s.Held {
			continue
		}
		switch {
		case math.IsNaN(s.After):
			words = append(words, s.Text+" was never known")
		default:
			words = append(words, fmt.Sprintf("%s: it came to %s of %s", s.Text, s.format(s.After), s.format(s.Threshold)))
		}
	}
	slices.Sort(words)
	return strings.Join(words, "; ")
}
