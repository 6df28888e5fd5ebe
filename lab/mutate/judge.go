package mutate

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/falsifiable/stability"
	"github.com/falsifiable/stability/signals"
)

// Recording is what a check's signals read in a fault run, in the contract's own time.
type Recording struct {
	// Step is the time between two readings.
	Step time.Duration
	// Lines are the instances of signals.
	Lines []Line
	// Injected is the number of the first reading with the fault.
	Injected int
}

// Line are the readings of one instance; NaN is none.
type Line struct {
	Name   string
	Labels signals.Labels
	Values []float64
}

// Verdict is what became of a mutant.
type Verdict struct {
	Mutant
	// Recorded tells that the recorded run itself noticed it: it fired before the fault, or not under it.
	Recorded bool
	// Killer says which variation of the run noticed it, empty if none did: the mutant has survived.
	Killer string
}

// Killed reports whether anything noticed the mutant.
func (v Verdict) Killed() bool { return v.Recorded || v.Killer != "" }

// Config says how the contract is judged.
type Config struct {
	Schema   *signals.Schema
	Interval time.Duration // of the contract; defaults to the library's
	Warmup   time.Duration // defaults to the library's
}

// Judge tries every mutant of a check on a recorded run and on variations of it. An error says why the recording cannot
// serve: the check itself does not fire in it, or fires before the fault.
func Judge(cfg Config, check stability.Check, r Recording) ([]Verdict, error) {
	j, err := newJudge(cfg, r)
	if err != nil {
		return nil, err
	}
	full := dose{amount: 1}
	switch at := j.fires(check, full); {
	case at == never:
		return nil, fmt.Errorf("mutate: %s does not fire in the recorded run", check.Name)
	case at < 0:
		return nil, fmt.Errorf("mutate: %s fires before the fault of the recorded run", check.Name)
	}
	var variations []variation
	for _, d := range append([]dose{{name: "the recorded run", amount: 1}}, j.variations(check)...) {
		variations = append(variations, variation{d, j.run(check, d)})
	}
	var verdicts []Verdict
	for _, m := range Mutants(check, cfg.Schema) {
		v := Verdict{Mutant: m}
		at := j.fires(m.Check, full)
		v.Recorded = at == never || at < 0
		if !v.Recorded {
			v.Killer = j.kill(m, variations)
		}
		verdicts = append(verdicts, v)
	}
	return verdicts, nil
}

// Score is the share of mutants that were noticed. Without a mutant it is 1.
func Score(verdicts []Verdict) float64 {
	if len(verdicts) == 0 {
		return 1
	}
	killed := 0
	for _, v := range verdicts {
		if v.Killed() {
			killed++
		}
	}
	return float64(killed) / float64(len(verdicts))
}

// never is a check that does not fire.
const never = time.Duration(math.MaxInt64)

// dose is a variation of a recorded run.
type dose struct {
	name   string
	amount float64       // of the fault's effect on every line
	lasts  time.Duration // 0 for to the end
	// without are lines that the fault leaves alone, scaled those that are multiplied from the injection on.
	without map[int]bool
	scaled  map[int]float64
	// only has the share of the effect on a line, brief how long it lasts there.
	only  map[int]float64
	brief map[int]time.Duration
	// based are lines that are at another level all the time, and spiky ones that have a spike now and then before the fault.
	based map[int]float64
	spiky map[int]bool
	// burst, if not 0, limits scaled: it begins in the middle of the run and is over after that time.
	burst time.Duration
}

type judge struct {
	cfg     Config
	r       Recording
	kinds   []signals.Kind
	base    []float64 // of a gauge: its mean before the fault; of a counter: its growth in a step
	lead    int       // steps before the recording, in which windows fill
	horizon int       // steps from the injection on
}

func newJudge(cfg Config, r Recording) (*judge, error) {
	if cfg.Warmup == 0 {
		cfg.Warmup = time.Minute
	}
	if r.Step <= 0 || len(r.Lines) == 0 || r.Injected < 2 || r.Injected >= len(r.Lines[0].Values) {
		return nil, fmt.Errorf("mutate: a recording needs lines, a step, readings before the fault and some after")
	}
	j := &judge{cfg: cfg, r: r}
	for _, l := range r.Lines {
		id, _, ok := cfg.Schema.Lookup(l.Name)
		if !ok || len(l.Values) != len(r.Lines[0].Values) {
			return nil, fmt.Errorf("mutate: %s: there is no such signal, or its readings are not as many as those of the others", l.Name)
		}
		kind := cfg.Schema.Desc(id).Kind
		j.kinds = append(j.kinds, kind)
		j.base = append(j.base, baseline(l.Values[:r.Injected], kind))
	}
	// A window of an hour is the longest that a stock check has; what asks for more is judged when it is full.
	j.lead = int((cfg.Warmup + 20*time.Minute) / r.Step)
	j.horizon = 2 * (len(r.Lines[0].Values) - r.Injected)
	return j, nil
}

func baseline(values []float64, kind signals.Kind) float64 {
	var kept []float64
	for _, v := range values {
		if !math.IsNaN(v) {
			kept = append(kept, v)
		}
	}
	switch {
	case len(kept) == 0:
		return math.NaN()
	case kind == signals.Counter && len(kept) > 1:
		return (kept[len(kept)-1] - kept[0]) / float64(len(kept)-1)
	case kind == signals.Counter:
		return 0
	}
	total := 0.0
	for _, v := range kept {
		total += v
	}
	return total / float64(len(kept))
}

// value is a line's reading, step steps after the injection.
func (j *judge) value(line, step int, d dose) float64 {
	base := j.base[line]
	if f, ok := d.based[line]; ok {
		base *= f
	}
	counter := j.kinds[line] == signals.Counter
	if d.spiky[line] && step < 0 && !counter && step%9 == 0 {
		base *= 4
	}
	if counter {
		n := step + j.lead
		if d.spiky[line] { // what it counts comes in lumps
			n -= n % 9
		}
		base *= float64(n)
	}
	if step < 0 {
		return base
	}
	effect := 0.0
	lasts := d.lasts
	if b, ok := d.brief[line]; ok {
		lasts = b
	}
	if end := int(lasts / j.r.Step); !d.without[line] {
		at := step
		if lasts > 0 && step >= end {
			at = end
			if !counter {
				at = -1 // a gauge comes back, a counter stays where it came
			}
		}
		if at >= 0 {
			effect = d.amount * j.effect(line, at)
			if share, ok := d.only[line]; ok {
				effect *= share
			}
		}
	}
	if math.IsNaN(base) {
		base = 0
	}
	f, ok := d.scaled[line]
	switch {
	case !ok:
		return base + effect
	case counter:
		return base + effect + (f-1)*j.base[line]*float64(j.scaledSteps(step, d))
	case d.burst > 0 && (step < j.horizon/2 || j.scaledSteps(step, d) >= int(d.burst/j.r.Step)):
		return base + effect
	}
	return (base + effect) * f
}

// scaledSteps is for how many steps a line has been scaled: from the injection on, or as long as a burst lasts.
func (j *judge) scaledSteps(step int, d dose) int {
	if d.burst == 0 {
		return step
	}
	return min(max(step-j.horizon/2, 0), int(d.burst/j.r.Step))
}

// effect is by how much the fault moved a line at a step; after the recording it goes on as it went at the end.
func (j *judge) effect(line, step int) float64 {
	values := j.r.Lines[line].Values[j.r.Injected:]
	at := min(step, len(values)-1)
	v, base := values[at], j.base[line]
	if math.IsNaN(v) {
		return 0
	}
	if j.kinds[line] == signals.Counter {
		moved := v - j.r.Lines[line].Values[j.r.Injected-1] - base*float64(at+1)
		if more := step - at; more > 0 && at > 0 {
			moved += float64(more) * moved / float64(at+1)
		}
		return moved
	}
	if math.IsNaN(base) {
		return v
	}
	if more := step - at; more > 0 && at >= 4 {
		v += float64(more) * (v - values[at*3/4]) / float64(at-at*3/4)
	}
	return v - base
}

// fires returns when a check is violated, from the injection on: below 0 for before it, or never.
func (j *judge) fires(check stability.Check, d dose) time.Duration { return j.run(check, d).first }

// answer is what a check said in a run: when it was first violated, and for how long in all.
type answer struct{ first, violated time.Duration }

func (j *judge) run(check stability.Check, d dose) answer {
	simulation, err := stability.Simulate(stability.SimulationConfig{Schema: j.cfg.Schema, SampleInterval: j.r.Step, Warmup: j.cfg.Warmup},
		&stability.Contract{Name: "mutate", Interval: j.cfg.Interval, Lenient: true, Checks: []stability.Check{check}})
	a := answer{first: never}
	if err != nil {
		return a
	}
	violated := false
	samples := make([]signals.Sample, 0, len(j.r.Lines))
	for step := -j.lead; step < j.horizon; step++ {
		samples = samples[:0]
		at := time.Duration(step+j.lead) * j.r.Step
		for i, l := range j.r.Lines {
			if v := j.value(i, step, d); !math.IsNaN(v) {
				id, _, _ := j.cfg.Schema.Lookup(l.Name)
				samples = append(samples, signals.Sample{ID: id, Labels: l.Labels, At: at, Value: v})
			}
		}
		for _, t := range simulation.Step(at, samples) {
			violated = t.To == stability.Violated
			if violated && a.first == never {
				a.first = time.Duration(step) * j.r.Step
			}
		}
		if violated {
			a.violated += j.r.Step
		}
	}
	return a
}

// variations returns the runs at the edges of what the check notices.
func (j *judge) variations(check stability.Check) []dose {
	var all []dose
	least := j.edge(func(x float64) dose { return dose{amount: x} }, check, 1.0/1024, 1)
	for _, f := range []float64{0.6, 0.8, 0.95, 1.05, 1.25, 1.6} {
		all = append(all, dose{name: fmt.Sprintf("the fault at %.0f %% of the dose from which the check fires", 100*f), amount: least * f})
	}
	end := float64(j.horizon) * j.r.Step.Seconds()
	pulse := func(x float64) dose { return dose{amount: 1, lasts: seconds(x)} }
	shortest := j.edge(pulse, check, j.r.Step.Seconds(), end)
	for _, f := range []float64{0.3, 0.6, 0.9, 1.1, 1.5} {
		d := pulse(shortest * f)
		d.name = fmt.Sprintf("the fault for %.0f %% of the time for which it must last", 100*f)
		all = append(all, d)
	}
	for i, l := range j.r.Lines {
		all = append(all, dose{name: "the fault without its effect on " + l.Name, amount: 1, without: map[int]bool{i: true}})
		all = append(all, dose{name: "no fault, and " + l.Name + " comes in lumps", spiky: map[int]bool{i: true}},
			dose{name: "the fault, and " + l.Name + " comes in lumps", amount: 1, spiky: map[int]bool{i: true}})
		for _, share := range []float64{0.003, 0.03, 0.3} {
			all = append(all, dose{name: fmt.Sprintf("the fault with %g %% of its effect on %s", 100*share, l.Name), amount: 1, only: map[int]float64{i: share}})
		}
		for _, brief := range []time.Duration{2 * j.r.Step, 30 * time.Second, 2 * time.Minute, 6 * time.Minute} {
			all = append(all, dose{name: fmt.Sprintf("the fault, with its effect on %s for %v", l.Name, brief), amount: 1, brief: map[int]time.Duration{i: brief}})
		}
		for _, f := range []float64{0.1, 3, 10, 30, 100, 400} {
			all = append(all, dose{name: fmt.Sprintf("the fault in a service whose %s is usually %g times as much", l.Name, f), amount: 1, based: map[int]float64{i: f}},
				dose{name: fmt.Sprintf("the fault in a service whose %s is usually %g times as much, now and then more", l.Name, f), amount: 1, based: map[int]float64{i: f}, spiky: map[int]bool{i: true}})
		}
		for _, f := range []float64{0, 0.02, 0.3, 0.7, 1.4, 3, 50} {
			all = append(all, dose{name: fmt.Sprintf("the fault, and %s at %g times what it is", l.Name, f), amount: 1, scaled: map[int]float64{i: f}})
			all = append(all, dose{name: fmt.Sprintf("no fault, and %s at %g times what it is", l.Name, f), scaled: map[int]float64{i: f}})
		}
		for _, burst := range []time.Duration{2 * j.r.Step, 30 * time.Second, 2 * time.Minute, 6 * time.Minute} {
			for _, f := range []float64{0, 3, 5, 8, 20} {
				name := fmt.Sprintf("%s at %g times what it is for %v", l.Name, f, burst)
				all = append(all, dose{name: "the fault, and " + name, amount: 1, scaled: map[int]float64{i: f}, burst: burst},
					dose{name: "no fault, and " + name, scaled: map[int]float64{i: f}, burst: burst})
			}
		}
		alone := func(x float64) dose { return dose{amount: 1, scaled: map[int]float64{i: x}} }
		for _, edge := range []float64{j.edge(alone, check, 1.0/1024, 1), j.edge(alone, check, 1024, 1)} {
			for _, f := range []float64{0.8, 0.95, 1.05, 1.25} {
				d := alone(edge * f)
				d.name = fmt.Sprintf("the fault, and %s at %.3g times what it is", l.Name, edge*f)
				all = append(all, d)
			}
		}
	}
	return all
}

func seconds(x float64) time.Duration { return time.Duration(x * float64(time.Second)) }

// edge looks between a value at which the check does not fire and one at which it does.
func (j *judge) edge(at func(float64) dose, check stability.Check, silent, firing float64) float64 {
	for range 12 {
		middle := math.Sqrt(silent * firing)
		if j.fires(check, at(middle)) == never {
			silent = middle
		} else {
			firing = middle
		}
	}
	return firing
}

// kill returns the variation in which a mutant answers otherwise than the check, "" for none. The answers differ when
// one of the two fires and the other does not, or when the moments at which they fire, or the times for which they are
// violated, are far apart; see apart.
func (j *judge) kill(m Mutant, variations []variation) string {
	for _, v := range variations {
		got := j.run(m.Check, v.dose)
		switch {
		case (v.want.first == never) != (got.first == never), (v.want.first < 0) != (got.first < 0):
			return v.name
		case v.want.first == never || v.want.first < 0:
		case j.apart(v.want.first, got.first):
			return v.name + ", by the time it takes"
		case j.apart(v.want.violated, got.violated):
			return v.name + ", by how long it is violated"
		}
	}
	return ""
}

func (j *judge) apart(a, b time.Duration) bool {
	interval := j.cfg.Interval
	if interval == 0 {
		interval = stability.DefaultInterval
	}
	return (a-b).Abs() > max(min(a, b)/4, interval) || (a-b).Abs() > 4*interval
}

// variation is a run with what the check itself answers in it.
type variation struct {
	dose
	want answer
}

// Survivors returns the mutants that nothing noticed.
func Survivors(verdicts []Verdict) []Verdict {
	return slices.DeleteFunc(slices.Clone(verdicts), Verdict.Killed)
}
