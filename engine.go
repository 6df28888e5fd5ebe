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
	out       []event  // of one check, reused
	checks    []*check // reused by each step
	all       []event  // of a whole step, reused
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
	told      time.Duration // when a strike was last told of
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
	c.next = e.now + e.warmup
	for _, k := range c.checks {
		k.warmUntil = c.next
	}
	e.contracts = append(e.contracts, c)
}

// step takes the samples of one moment and judges what is due. The events are valid until the next step.
//
// A monitor takes the parts of a step one by one, and lets others at the state between them.
func (e *engine) step(now time.Duration, samples []signals.Sample) []event {
	e.push(samples)
	e.checks, e.all = e.due(now, e.checks[:0]), e.all[:0]
	for _, k := range e.checks {
		e.all = append(e.all, e.evaluate(k)...)
	}
	e.forget()
	return e.all
}

// push stores samples.
func (e *engine) push(samples []signals.Sample) {
	for _, s := range samples {
		e.store.Push(s)
	}
}

// due begins the judgment of a moment: it appends to dst the checks that are to be evaluated.
func (e *engine) due(now time.Duration, dst []*check) []*check {
	e.now = now
	for _, c := range e.contracts {
		due := now >= c.next
		if due {
			c.evaluates(now)
		}
		for _, k := range c.checks {
			if k.due = due; due || !k.warm {
				dst = append(dst, k)
			}
		}
	}
	return dst
}

// evaluates notes that a contract is being evaluated.
func (c *contract) evaluates(now time.Duration) {
	if len(c.evaluated) == evaluationsKept {
		c.evaluated = append(c.evaluated[:0], c.evaluated[1:]...)
	}
	c.evaluated = append(c.evaluated, now)
	// Keep the phase when a tick comes a little late; skip what was missed when it comes very late.
	if c.next += c.interval; c.next <= now {
		c.next = now + c.interval
	}
}

// evaluate judges one of the checks that are due. The events are valid until the next call.
func (e *engine) evaluate(k *check) []event { return e.conclude(k, e.look(k)) }

// look reads the history of a check that is due: the part of its evaluation that may take long. It changes nothing but the
// check's evaluator. The outcomes are valid until the next look at the check.
func (e *engine) look(k *check) []expr.Outcome {
	if k.gone {
		return nil
	}
	if !k.warm {
		k.evaluator.Learn(e.now)
		if e.now < k.warmUntil {
			return nil
		}
		k.evaluator.Freeze()
	}
	if !k.due {
		return nil
	}
	return k.evaluator.Eval(e.now)
}

// conclude moves a check by what a look at it has found. The events are valid until the next call.
func (e *engine) conclude(k *check, outcomes []expr.Outcome) []event {
	e.out = e.out[:0]
	if k.gone {
		return nil
	}
	k.warm = k.warm || e.now >= k.warmUntil
	if !k.warm || !k.due {
		return nil
	}
	for i := range outcomes {
		e.judge(k, &outcomes[i])
	}
	if len(outcomes) != len(k.instances.list) {
		e.dropVanished(k)
	}
	k.remember(e.now)
	return e.out
}

// forget drops what has been silent for long. It ends a step.
func (e *engine) forget() {
	if e.now >= e.forgetAt {
		e.store.Forget(e.now - forgetAfter)
		e.forgetAt = e.now + forgetAfter/10
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
