package poolsize

import (
	"fmt"
	"math"
	"time"
)

// The constants of the experiments, in intervals where they are times.
const (
	waitingMatters = 0.5  // callers waiting in the mean, from which on a pool may have the wrong size
	pressureFor    = 2    // before a change is tried
	quietFor       = 30   // before an idle pool is made smaller
	baseline       = 2    // intervals that make a measurement, before and after
	settle         = 1    // interval after a change that is not judged, but for great harm
	gain           = 0.03 // of the time of a caller that a change must save, or half of the change if that is less
	harm           = 0.03 // of it that making an idle pool smaller may take
	greatHarm      = 0.10 // of it that ends an experiment at once
	sameLoad       = 1.25 // rates that far apart are not compared
	overload       = 2.0  // times the best latency seen, from which on a database may have too many connections
	firstStride    = 8    // the first change is an eighth of the pool; one that is kept is doubled, one that is not halved
	minStride      = 2
	maxStride      = 64
	firstBackoff   = 5
	maxBackoff     = 320
)

// Action is what a step did.
type Action string

// What a step can do.
const (
	Hold   Action = "hold"
	Grow   Action = "grow"
	Shrink Action = "shrink"
	Keep   Action = "keep"
	Revert Action = "revert"
)

// Decision is the outcome of one step.
type Decision struct {
	Action Action
	// Setting is what the pool is to have from now on. In a dry run it never changes.
	Setting Setting
	// Proposed is the number of open connections that the action is about.
	Proposed int
	// Reason says why, with the figures.
	Reason string
}

// Controller decides by observations alone: no clock, no database. Not safe for concurrent use; make one with
// [NewController].
type Controller struct {
	config   Config
	open     int
	base     measurement // at the present setting
	trial    *trial
	pressure int           // intervals in a row in which callers waited for all connections
	calm     int           // in which none did
	quiet    int           // in which half of the connections would have done
	best     time.Duration // lowest latency seen lately
	shrink   direction
	grow     direction
	kept     Action // the last change that was kept
	flips    int
}

// direction is what experience says of changes in one direction: they are a stride-th of the pool, are not tried before
// wait intervals have passed, and then not for backoff.
type direction struct{ stride, wait, backoff int }

// trial is a change on probation.
type trial struct {
	action        Action
	from          int
	limit         float64 // of the cost afterwards, relative to before
	before, after measurement
	settle        int
}

// NewController returns a controller of a pool that has so many open connections at most now; 0 stands for no limit.
// The first decision brings that within the bounds. Config must be valid.
func NewController(config Config, open int) *Controller {
	config = config.withDefaults()
	if open <= 0 {
		open = config.MaxOpen
	}
	c := &Controller{config: config, open: config.setting(open).MaxOpen}
	c.shrink = direction{firstStride, 0, firstBackoff}
	c.grow = c.shrink
	return c
}

// Setting returns what the pool is to have now.
func (c *Controller) Setting() Setting { return c.config.setting(c.open) }

// Step takes what one interval showed and decides.
func (c *Controller) Step(o Observation) Decision {
	c.remember(o)
	if c.trial != nil {
		return c.judge(o)
	}
	c.base.add(o)
	if c.base.n < baseline {
		return c.hold("measuring")
	}
	switch b := c.base.mean(); {
	case c.pressure >= pressureFor:
		return c.relieve(b)
	case c.best > 0 && b.Latency > time.Duration(overload*float64(c.best)) && b.InUse > c.config.MinOpen && c.shrink.wait == 0:
		open := min(b.InUse, c.open)
		return c.try(Shrink, open-max(1, open/c.shrink.stride), gain,
			fmt.Sprintf("a connection is in use for %v, %.1f times the best seen", b.Latency.Round(time.Microsecond), b.Latency.Seconds()/c.best.Seconds()))
	case c.quiet >= quietFor && c.open > c.config.MinOpen && c.shrink.wait == 0:
		return c.try(Shrink, max(2*b.InUse, c.open-max(1, c.open/4)), -harm,
			fmt.Sprintf("at most half of %d connections were in use for %d intervals; a burst would open all at once", c.open, c.quiet))
	}
	return c.hold("nothing to do")
}

// relieve looks for a better size while callers wait: in the direction that was right last time, else in the other. Growing
// comes first, because that callers wait is all that is known; where growing does not help, the database is what is slow.
func (c *Controller) relieve(b Observation) Decision {
	reason := fmt.Sprintf("%.1f callers wait while all %d connections are in use", b.Waiting, c.open)
	canGrow := c.open < c.config.MaxOpen && c.grow.wait == 0
	canShrink := c.open > c.config.MinOpen && c.shrink.wait == 0 && b.Rate > 0
	switch {
	case canGrow && !(canShrink && c.kept == Shrink):
		step := min(max(1, c.open/c.grow.stride), int(math.Ceil(b.Waiting)), c.config.MaxStep)
		return c.try(Grow, c.open+step, gain, reason)
	case canShrink:
		return c.try(Shrink, c.open-max(1, c.open/c.shrink.stride), gain, reason+", and more have not helped")
	}
	return c.hold("callers wait, and no change is to be tried for now")
}

// remember updates what is known whatever is being tried.
func (c *Controller) remember(o Observation) {
	countInRow(&c.pressure, o.Waiting >= waitingMatters && o.InUse >= c.open)
	if countInRow(&c.calm, o.Waiting < waitingMatters); c.calm >= quietFor {
		c.grow.wait, c.grow.backoff = 0, firstBackoff // the next pressure is another one
	}
	countInRow(&c.quiet, o.Waiting == 0 && 2*o.InUse <= c.open)
	c.shrink.wait = max(c.shrink.wait-1, 0)
	c.grow.wait = max(c.grow.wait-1, 0)
	if o.Latency > 0 {
		c.best += c.best / 1000 // forgotten in the course of hours, for databases change
		if c.best == 0 || o.Latency < c.best {
			c.best = o.Latency
		}
	}
}

// countInRow counts for how many observations in a row a condition has held.
func countInRow(inRow *int, holds bool) {
	if holds {
		*inRow++
	} else {
		*inRow = 0
	}
}

func (c *Controller) of(a Action) *direction {
	if a == Grow {
		return &c.grow
	}
	return &c.shrink
}

// delay keeps a direction from being tried for a while, and for twice that the next time.
func (d *direction) delay() { d.wait, d.backoff = d.backoff, min(2*d.backoff, maxBackoff) }

func (c *Controller) hold(reason string) Decision { return Decision{Hold, c.Setting(), c.open, reason} }

// try begins an experiment, which must save the share saves of the time of a caller.
func (c *Controller) try(a Action, open int, saves float64, reason string) Decision {
	open = c.config.setting(open).MaxOpen
	if open == c.open {
		c.of(a).delay()
		return c.hold("already at the bound")
	}
	if c.config.DryRun {
		c.of(a).delay()
		return Decision{a, c.Setting(), open, reason}
	}
	change := math.Abs(float64(open-c.open)) / float64(c.open)
	c.trial = &trial{action: a, from: c.open, limit: 1 - min(saves, change/2), before: c.base, settle: settle}
	c.open = open
	return Decision{a, c.Setting(), open, reason}
}

// judge ends the experiment when enough has been seen.
func (c *Controller) judge(o Observation) Decision {
	t := c.trial
	before := t.before.mean()
	was := before.cost()
	if is := o.cost(); is > (1+greatHarm)*was && o.Waiting >= waitingMatters {
		return c.revert(explain(o, was, is))
	}
	if t.settle > 0 {
		t.settle--
		return c.hold("settling")
	}
	if t.after.add(o); t.after.n < baseline {
		return c.hold("measuring the change")
	}
	after := t.after.mean()
	// A pool of a better size serves more. Only what can have another reason shows nothing.
	if apart(before.Rate, after.Rate) && after.Rate < before.Rate {
		return c.revert(fmt.Sprintf("the load fell meanwhile, from %.0f to %.0f a second: nothing was shown", before.Rate, after.Rate))
	}
	is := after.cost()
	if is > t.limit*was {
		return c.revert(explain(after, was, is))
	}
	return c.keep(explain(after, was, is))
}

func explain(o Observation, was, is float64) string {
	if o.Rate <= 0 {
		return fmt.Sprintf("a caller waited %.4g ms before, and %.4g ms now", 1e3*was, 1e3*is)
	}
	return fmt.Sprintf("a caller took %.4g ms before, and %.4g ms now", 1e3*was, 1e3*is)
}

// revert ends the experiment badly. The next one in that direction is half as large; when it cannot be smaller, it has to
// wait.
func (c *Controller) revert(reason string) Decision {
	t, tried := c.trial, c.open
	c.trial, c.open, c.base = nil, t.from, t.before
	c.pressure, c.quiet = min(c.pressure, pressureFor), 0
	d := c.of(t.action)
	if abs := max(tried-t.from, t.from-tried); abs > 1 && d.stride < maxStride {
		d.stride, d.wait = 2*d.stride, 1
	} else {
		d.delay()
	}
	return Decision{Revert, c.Setting(), tried, reason}
}

// keep ends the experiment well. One that undoes the last is a sign of going in circles: then both directions wait, longer
// each time.
func (c *Controller) keep(reason string) Decision {
	a := c.trial.action
	c.base = c.trial.after
	c.trial, c.quiet = nil, 0
	d := c.of(a)
	d.stride, d.backoff = max(d.stride/2, minStride), max(d.backoff/2, firstBackoff)
	if c.kept != "" && c.kept != a {
		c.flips++
		wait := min(firstBackoff<<min(c.flips, 10), maxBackoff)
		c.shrink.wait, c.grow.wait = max(c.shrink.wait, wait), max(c.grow.wait, wait)
	}
	c.kept = a
	return Decision{Keep, c.Setting(), c.open, reason}
}

// Adopt takes over a limit that somebody else has set. It returns the setting within the bounds.
func (c *Controller) Adopt(open int) Setting {
	c.open = c.config.setting(open).MaxOpen
	c.trial, c.base, c.pressure, c.quiet = nil, measurement{}, 0, 0
	return c.Setting()
}

// measurement is the mean of the last observations under one load.
type measurement struct {
	last [baseline]Observation
	n    int
}

// add takes one more observation. One under another load begins anew.
func (m *measurement) add(o Observation) {
	if m.n > 0 && apart(m.mean().Rate, o.Rate) {
		m.n = 0
	}
	copy(m.last[1:], m.last[:])
	m.last[0] = o
	m.n = min(m.n+1, baseline)
}

func (m *measurement) mean() (sum Observation) {
	n := float64(max(m.n, 1))
	for _, o := range m.last[:m.n] {
		sum.Waiting += o.Waiting / n
		sum.Waits += o.Waits / n
		sum.InUse = max(sum.InUse, o.InUse)
		sum.Rate += o.Rate / n
		sum.Latency += time.Duration(float64(o.Latency) / n)
	}
	return sum
}

// apart reports whether two rates are too different to compare what was measured at them.
func apart(a, b float64) bool { return max(a, b) > sameLoad*min(a, b) }
