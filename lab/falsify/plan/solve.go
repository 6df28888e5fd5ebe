package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/falsifiable/stability/expr"
	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/internal/timescale"
	"github.com/falsifiable/stability/signals"
)

// strengths are how much weaker and stronger than declared a fault may turn out: a trial must work all the same.
var strengths = []float64{1, 0.7, 1.4}

// Find works out a trial of the check with the faults of options. Of those that do equally well, the earliest is
// preferred. An error is an [*Impossible] unless the check does not compile.
func Find(c Check, w World, options []Option) (Trial, error) {
	l, err := newLaboratory(c, w)
	if err != nil {
		return Trial{}, err
	}
	if missing := l.unread(options); len(missing) > 0 {
		return Trial{}, &Impossible{fmt.Sprintf("nothing in the service reads %s under this load", strings.Join(missing, ", "))}
	}
	if after, fired := l.fires(nil, w.Limit); fired {
		if after == 0 {
			return Trial{}, &Impossible{"it is true without a fault"}
		}
		return Trial{}, &Impossible{fmt.Sprintf("time alone makes it true, after %v", after.Round(time.Second))}
	}
	s := &solver{laboratory: l, options: relevant(options, l)}
	found := s.single()
	for _, search := range []func() []candidate{s.joined, s.spoken} {
		if len(found) == 0 {
			found = search()
		}
	}
	if len(found) == 0 {
		return Trial{}, &Impossible{s.whyNot()}
	}
	best := slices.MinFunc(found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.price, b.price), cmp.Compare(a.fires, b.fires))
	})
	if best.spoken == nil {
		best = s.faster(s.smaller(best))
	}
	return s.trial(best), nil
}

// Predict tells what orders that are given do to the check: when it fires, if it does, and what becomes of its comparisons.
func Predict(c Check, w World, given []Order) (Trial, error) {
	l, err := newLaboratory(c, w)
	if err != nil {
		return Trial{}, err
	}
	var orders []order
	for _, o := range given {
		args, err := o.Fault.Args(o.Settings, 0)
		if err != nil {
			return Trial{}, err
		}
		orders = append(orders, order{o.Fault, args, 1})
	}
	trial := Trial{Orders: given, Memory: memory(orders)}
	after, fired := l.fires(orders, w.Limit)
	trial.Steps = l.steps(orders, cmp.Or(after, w.Limit))
	if !fired {
		return trial, &Impossible{Missing(trial.Steps)}
	}
	trial.Fires = after
	return trial, nil
}

// unread are the signals of the check of which there is no reading and which no fault would bring about.
func (l *laboratory) unread(options []Option) (names []string) {
	for _, id := range l.logic.Signals {
		d := l.schema.Desc(id)
		born := slices.ContainsFunc(options, func(o Option) bool {
			return slices.ContainsFunc(o.Fault.Effects, func(e fault.Effect) bool { return e.Signal == d.Name && len(e.Labels) > 0 && l.model.has(e.Needs) })
		})
		if !born && !slices.ContainsFunc(l.model.lines, func(line line) bool { return line.id == id }) {
			names = append(names, d.Name)
		}
	}
	return names
}

// relevant keeps the options that move a signal of the check.
func relevant(options []Option, l *laboratory) (kept []Option) {
	for _, o := range options {
		if slices.ContainsFunc(o.Fault.Effects, func(e fault.Effect) bool { return e.Signal == "" || l.reads(e.Signal) }) {
			kept = append(kept, o)
		}
	}
	return kept
}

func (l *laboratory) reads(name string) bool {
	id, _, ok := l.schema.Lookup(name)
	return ok && slices.Contains(l.logic.Signals, id)
}

// solver searches for the parameters.
type solver struct {
	*laboratory
	options []Option
	best    []Step // of the attempt that came nearest
	nearest int    // comparisons that held in it
	dear    string // why an attempt that fires is not taken
}

// candidate is orders that make the check fire.
type candidate struct {
	orders []Order
	fires  time.Duration
	price  float64 // the less the better
	spoken []string
}

// single tries one fault at a time.
func (s *solver) single() (found []candidate) {
	return s.faults(s.laboratory, s.needed())
}

// faults returns the faults with which the check of a laboratory fires soon or, if there are none, within the limit. A
// fault must move a signal of each of the needed comparisons.
func (s *solver) faults(l *laboratory, needed [][]signals.ID) (found []candidate) {
	for _, limit := range []time.Duration{l.soon(), l.world.Limit} {
		for rank, o := range s.options {
			if speaks(o.Fault) || !l.reaches(o.Fault, needed) {
				continue
			}
			if c, ok := s.solve(o, l, limit); ok {
				c.price = s.price(o.Fault, rank, l, c)
				found = append(found, c)
			}
		}
		if len(found) > 0 {
			break
		}
	}
	return found
}

// needed are the signals of each comparison that is not true by itself, in a check that wants all its comparisons true.
func (s *solver) needed() (all [][]signals.ID) {
	if !conjunction(s.logic) {
		return nil
	}
	for _, leaf := range s.leaves() {
		if _, holds := leaf.fires(nil, 0); !holds {
			all = append(all, leaf.logic.Signals)
		}
	}
	return all
}

// conjunction reports whether a condition is comparisons joined by && alone.
func conjunction(l expr.Logic) bool {
	return l.Op == "" || l.Op == "&&" && !slices.ContainsFunc(l.Parts, func(p expr.Logic) bool { return !conjunction(p) })
}

// reaches reports whether the fault moves a signal of each group.
func (l *laboratory) reaches(f fault.Fault, groups [][]signals.ID) bool {
	for _, group := range groups {
		if !slices.ContainsFunc(f.Effects, func(e fault.Effect) bool {
			id, _, ok := l.schema.Lookup(e.Signal)
			return ok && slices.Contains(group, id)
		}) {
			return false
		}
	}
	return true
}

// spoken lets a stand-in speak for one signal: the last resort.
func (s *solver) spoken() (found []candidate) {
	for _, o := range s.options {
		if !speaks(o.Fault) {
			continue
		}
		for _, id := range s.logic.Signals {
			if c, ok := s.speak(o, s.schema.Desc(id), s.laboratory); ok {
				if !s.unmoved(id) {
					c.price *= 2
				}
				found = append(found, c)
			}
		}
	}
	if len(found) == 0 && len(s.logic.Comparisons()) == 1 && len(s.logic.Signals) == 2 {
		return s.pair(s.laboratory)
	}
	return found
}

// price orders faults that would all do. A fault is dear if it ends the process or takes the whole machine, if it moves
// the signal only as a side effect, if it takes long, and if it comes later in the options.
func (s *solver) price(f fault.Fault, rank int, l *laboratory, c candidate) float64 {
	p := float64(rank)
	if !slices.ContainsFunc(f.Effects, func(e fault.Effect) bool { return !e.Side && l.reads(e.Signal) }) {
		p += 50
	}
	if c.fires > l.soon() {
		p += 40
	}
	if f.Heavy {
		p += 100
	}
	if f.Fatal {
		p += 1000
	}
	return p
}

// speaks reports whether the fault speaks in place of a sensor.
func speaks(f fault.Fault) bool {
	return slices.ContainsFunc(f.Effects, func(e fault.Effect) bool { return e.Signal == "" })
}

// unmoved reports whether no real fault moves the signal: only then may a stand-in speak in its place.
func (s *solver) unmoved(id signals.ID) bool {
	name := s.schema.Desc(id).Name
	return !slices.ContainsFunc(s.options, func(o Option) bool {
		return slices.ContainsFunc(o.Fault.Effects, func(e fault.Effect) bool { return e.Signal == name })
	})
}

// solve looks for parameters of one fault with which the check of a laboratory fires within the limit.
func (s *solver) solve(o Option, l *laboratory, limit time.Duration) (candidate, bool) {
	for _, base := range bases(o) {
		for _, settings := range variations(o.Fault, base, l) {
			if c, ok := s.try(l, []Order{{o.Fault, o.Place, settings}}, limit); ok {
				return c, true
			}
		}
	}
	return candidate{}, false
}

// soon is how quickly a trial should be over, if parameters can be found for that: within what a check is given anyway, and
// not faster than a machine can follow.
func (l *laboratory) soon() time.Duration {
	return min(max(timescale.Scale(5*time.Minute, l.world.Scale), 6*time.Second), l.world.Limit)
}

// try asks whether the check fires with the orders, be they somewhat weaker or stronger than declared.
func (s *solver) try(l *laboratory, given []Order, limit time.Duration) (candidate, bool) {
	slowest := time.Duration(0)
	for _, strength := range strengths {
		var orders []order
		for _, g := range given {
			args, err := g.Fault.Args(g.Settings, 0)
			if err != nil {
				return candidate{}, false
			}
			orders = append(orders, order{g.Fault, args, strength})
		}
		if needs := memory(orders); s.world.Memory > 0 && needs > s.world.Memory {
			s.dear = fmt.Sprintf("it takes %s of memory, and %s may be taken on this machine", Format(needs, signals.Bytes, false), Format(s.world.Memory, signals.Bytes, false))
			return candidate{}, false
		}
		after, fired := l.fires(orders, limit)
		if !fired {
			if strength == 1 && l == s.laboratory && limit == s.world.Limit {
				s.remember(orders)
			}
			return candidate{}, false
		}
		slowest = max(slowest, after)
	}
	return candidate{orders: given, fires: slowest}, true
}

// remember keeps the attempt in which most comparisons held, to say later what was in the way.
func (s *solver) remember(orders []order) {
	if s.best != nil && len(s.logic.Comparisons()) == 1 && s.nearest > 0 {
		return
	}
	steps := s.steps(orders, s.world.Limit)
	held := 0
	for _, step := range steps {
		if step.Held {
			held++
		}
	}
	if s.best == nil || held > s.nearest {
		s.best, s.nearest = steps, held
	}
}

// fastBytes is a rate at which any machine can allocate and fill memory.
const fastBytes = 256 << 20

// faster raises rates where that makes the check fire sooner, until it does soon.
func (s *solver) faster(c candidate) candidate {
	for i, o := range c.orders {
		for _, p := range o.Fault.Params {
			for c.fires > s.soon() && (p.Unit == fault.PerSecond || p.Unit == fault.BytesPerSecond) {
				more := maps.Clone(c.orders[i].Settings)
				if more == nil {
					more = make(fault.Settings)
				}
				if !turn(p, more, 2) {
					break
				}
				if rate, err := fault.ParseQuantity(more[p.Name], p.Unit); err != nil || p.Unit == fault.BytesPerSecond && rate > fastBytes {
					break
				}
				orders := slices.Clone(c.orders)
				orders[i].Settings = more
				tried, ok := s.try(s.laboratory, orders, s.world.Limit)
				if !ok || tried.fires >= c.fires {
					break
				}
				tried.price, tried.spoken = c.price, c.spoken
				c = tried
			}
		}
	}
	return c
}

// smaller takes less memory where less does as well.
func (s *solver) smaller(c candidate) candidate {
	for i, o := range c.orders {
		for _, p := range o.Fault.Params {
			for p.Unit == fault.Bytes && slices.Contains(knobs(o.Fault, s.laboratory), p.Name) {
				less := maps.Clone(c.orders[i].Settings)
				if less == nil || !turn(p, less, 0.8) {
					break
				}
				orders := slices.Clone(c.orders)
				orders[i].Settings = less
				tried, ok := s.try(s.laboratory, orders, s.world.Limit)
				if !ok {
					break
				}
				tried.price, tried.spoken = c.price, c.spoken
				c = tried
			}
		}
	}
	return c
}

// speak looks for what a stand-in must say of one signal.
func (s *solver) speak(o Option, d signals.Desc, l *laboratory) (candidate, bool) {
	for _, settings := range words(d, l) {
		if c, ok := s.try(l, []Order{{o.Fault, o.Place, settings}}, l.soon()); ok {
			c.spoken, c.price = []string{d.Name}, 10_000
			return c, true
		}
	}
	return candidate{}, false
}

// trial completes what is known of the best candidate.
func (s *solver) trial(best candidate) Trial {
	var orders []order
	for _, g := range best.orders {
		args, err := g.Fault.Args(g.Settings, 0)
		if err != nil {
			continue // it was parsed when it was tried
		}
		orders = append(orders, order{g.Fault, args, 1})
	}
	why := ""
	if len(best.spoken) > 0 && (s.dear != "" || s.best != nil) {
		why = s.whyNot()
	}
	return Trial{
		Why: why, Orders: best.orders, Fires: best.fires, Spoken: best.spoken, Memory: memory(orders),
		Steps: s.steps(orders, best.fires+2*timescale.Scale(s.check.Interval, s.world.Scale)),
	}
}

// leaves are the comparisons that must become true, as checks of their own.
func (s *solver) leaves() (all []*laboratory) {
	for _, c := range s.logic.Comparisons() {
		l, err := newLaboratory(Check{Expr: c.Text, Interval: s.check.Interval}, s.world)
		if err != nil {
			continue // the whole compiled, so its parts do
		}
		all = append(all, l)
	}
	return all
}

// whyNot words why there is no trial.
func (s *solver) whyNot() string {
	names := make([]string, len(s.logic.Signals))
	for i, id := range s.logic.Signals {
		names[i] = s.schema.Desc(id).Name
	}
	switch {
	case len(s.options) == 0:
		return "no fault moves " + strings.Join(names, ", ")
	case s.dear != "" && s.nearest < len(s.logic.Comparisons()):
		return s.dear
	case s.best != nil:
		if missing := Missing(s.best); missing != "" {
			return fmt.Sprintf("no fault makes it true within %v: %s", s.world.Limit, missing)
		}
		return fmt.Sprintf("its comparisons become true, but not for long enough together: %s", joinTexts(s.best))
	}
	return "no fault makes it true"
}

func joinTexts(steps []Step) string {
	texts := make([]string, len(steps))
	for i, s := range steps {
		texts[i] = s.Text
	}
	return strings.Join(texts, " and ")
}
