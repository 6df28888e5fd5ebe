package stability

import (
	"time"

	"github.com/falsifiable/stability/expr"
	"github.com/falsifiable/stability/signals"
)

// engine is the pure state machine of checks: time and samples come in, transitions and strikes go out. It has no
// clock, does no I/O and starts nothing, so that a recorded violation, a scenario script and production run
// through the very same code. Not safe for concurrent use.
type engine struct {
	store     *signals.Store
	scale     float64
	warmup    time.Duration
	now       time.Duration
	forgetAt  time.Duration
	contracts []*contract
	out       []event // reused by each step
}

// event is what a step found: a change of state, or a further strike of a check that stays violated (from == to).
type event struct {
	check     *check
	instance  *instance
	from, to  State
	strike    int
	value     float64
	threshold float64
	reason    expr.Reason
	since     time.Duration // when the condition became true, for strikes
}

// instance is the state of a check on one instance of its signals.
type instance struct {
	labels    signals.Labels
	state     State
	entered   time.Duration // when the state was entered
	trueSince time.Duration // start of the present run of true judgments
	isTrue    bool
	quiet     time.Duration // start of the present run of judgments that were not true, while violated
	isQuiet   bool
	strike    int
	value     float64
	threshold float64
	reason    expr.Reason
	seen      time.Duration // last evaluation that had it
}

// instanceSet finds the instances of a check; most checks have just the one without labels.
type instanceSet struct {
	list     []*instance
	byLabels map[signals.Labels]*instance
}

func (s *instanceSet) get(labels signals.Labels, now time.Duration) *instance {
	if len(s.list) == 1 && s.list[0].labels == labels {
		return s.list[0]
	}
	if in, ok := s.byLabels[labels]; ok {
		return in
	}
	if s.byLabels == nil {
		s.byLabels = make(map[signals.Labels]*instance)
	}
	in := &instance{labels: labels, entered: now}
	s.byLabels[labels] = in
	s.list = append(s.list, in)
	return in
}

// forgetAfter is how long an instance (a route, a peer) may be silent before it is dropped.
const forgetAfter = 10 * time.Minute

func newEngine(store *signals.Store, scale float64, warmup time.Duration) *engine {
	return &engine{store: store, scale: scale, warmup: warmup}
}

// add brings a compiled contract under the engine's watch: it warms up from now on.
func (e *engine) add(c *contract) {
	c.warmUntil = e.now + e.warmup
	c.next = c.warmUntil
	e.contracts = append(e.contracts, c)
}

// step takes the samples of one moment and judges what is due. The events are valid until the next step.
func (e *engine) step(now time.Duration, samples []signals.Sample) []event {
	e.now = now
	e.out = e.out[:0]
	for _, s := range samples {
		e.store.Push(s)
	}
	for _, c := range e.contracts {
		if !c.warm {
			e.warmUp(c)
		}
		if c.warm && now >= c.next {
			e.evaluate(c)
		}
	}
	if now >= e.forgetAt {
		e.store.Forget(now - forgetAfter)
		e.forgetAt = now + forgetAfter/10
	}
	return e.out
}

func (e *engine) warmUp(c *contract) {
	for _, k := range c.checks {
		k.evaluator.Learn(e.now)
	}
	if e.now < c.warmUntil {
		return
	}
	c.warm = true
	for _, k := range c.checks {
		k.evaluator.Freeze()
	}
}

func (e *engine) evaluate(c *contract) {
	if len(c.evaluated) == evaluationsKept {
		c.evaluated = append(c.evaluated[:0], c.evaluated[1:]...)
	}
	c.evaluated = append(c.evaluated, e.now)
	// Keep the phase when a tick comes a little late; skip what was missed when it comes very late.
	if c.next += c.interval; c.next <= e.now {
		c.next = e.now + c.interval
	}
	for _, k := range c.checks {
		outcomes := k.evaluator.Eval(e.now)
		for i := range outcomes {
			e.judge(k, &outcomes[i])
		}
		if len(outcomes) != len(k.instances.list) {
			e.dropVanished(k)
		}
	}
}

// judge moves one instance of a check by one judgment.
func (e *engine) judge(k *check, o *expr.Outcome) {
	in := k.instances.get(o.Labels, e.now)
	in.seen, in.value, in.threshold, in.reason = e.now, o.Value, o.Threshold, o.Reason
	if o.Truth == expr.True {
		e.judgeTrue(k, in)
		return
	}
	in.isTrue = false
	next := Holding
	if o.Truth == expr.Unknown {
		next = Unknown
	}
	if in.state != Violated {
		e.move(k, in, next)
		return
	}
	// Hysteresis: one quiet judgment is no recovery, and a sensor that fell silent does not clear an alarm at once.
	if !in.isQuiet {
		in.isQuiet, in.quiet = true, e.now
	}
	if e.lasted(in.quiet, k.keepTime) {
		in.strike = 0
		e.move(k, in, next)
	}
}

func (e *engine) judgeTrue(k *check, in *instance) {
	if !in.isTrue {
		in.isTrue, in.trueSince = true, e.now
	}
	in.isQuiet = false
	switch {
	case in.state == Violated:
		in.strike++
		e.emit(k, in, Violated)
	case e.lasted(in.trueSince, k.forTime):
		in.strike = 1
		e.move(k, in, Violated)
	default:
		e.move(k, in, Pending)
	}
}

// lasted reports whether a run that began at start has lasted d by now. Half a sampling interval is forgiven, for
// ticks are never exact and a For of one minute must not become one and a half.
func (e *engine) lasted(start, d time.Duration) bool {
	return e.now-start+e.store.Resolution()/2 >= d
}

func (e *engine) move(k *check, in *instance, to State) {
	from := in.state
	if from == to {
		return
	}
	in.state, in.entered = to, e.now
	if to != Violated {
		in.isQuiet = false
	}
	e.emit(k, in, from)
}

func (e *engine) emit(k *check, in *instance, from State) {
	e.out = append(e.out, event{
		check: k, instance: in, from: from, to: in.state, strike: in.strike,
		value: in.value, threshold: in.threshold, reason: in.reason, since: in.trueSince,
	})
}

// dropVanished forgets the instances that the last evaluation did not have: their signals are gone from the store.
func (e *engine) dropVanished(k *check) {
	kept := k.instances.list[:0]
	for _, in := range k.instances.list {
		if in.seen == e.now {
			kept = append(kept, in)
			continue
		}
		in.strike = 0
		e.move(k, in, Unknown)
		delete(k.instances.byLabels, in.labels)
	}
	clear(k.instances.list[len(kept):])
	k.instances.list = kept
}
