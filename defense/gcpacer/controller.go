package gcpacer

import (
	"fmt"
	"math"
	"time"
)

// Controller decides. It is pure: time and memory come in by observations. Make it with [NewController]. Not safe
// for concurrent use.
type Controller struct {
	config Config
	base   int // GOGC at the start
	now    int // GOGC

	hot, calm int // windows in a row
	silent    int // windows in a row without a collection, after hot ones
	shedding  bool

	// The last step up, on trial.
	trial   int     // windows until it is judged; 0 for none
	was     int     // GOGC before
	before  float64 // share
	blocked int     // windows in which no step up is tried
	backoff int     // of the next block

	spiral time.Duration // above the guard's share because of the limit
	lifted Action        // Lift or GiveUp while the limit is not the usual one
	eased  int           // windows in a row in which the usual limit would do
	usual  float64       // limit before it was lifted
}

const (
	settle       = 2    // windows between a step and its judgment
	firstBackoff = 30   // windows
	maxBackoff   = 1000 // windows
	minimumBusy  = 0.1  // share of the CPU below which the collector harms nobody
	room         = 0.9  // of the limit
)

// NewController returns a controller for a process whose GOGC is percent; off is negative.
func NewController(config Config, percent int) *Controller {
	c := config.withDefaults()
	return &Controller{config: c, base: percent, now: percent, backoff: firstBackoff}
}

// Percent returns GOGC as it should be now.
func (c *Controller) Percent() int { return c.now }

// Shedding reports whether the pacer asks for less load.
func (c *Controller) Shedding() bool { return c.shedding || c.lifted != Nothing }

// Spiral returns how long the collector has been above the guard's share.
func (c *Controller) Spiral() time.Duration { return c.spiral }

// Observe takes what a window showed and returns what to do.
func (c *Controller) Observe(o Observation) Decision {
	if d := c.guard(o); d.Action != Nothing {
		return d
	}
	if c.base < 0 || c.lifted != Nothing {
		return c.decide(Nothing, "")
	}
	c.blocked = max(c.blocked-1, 0)
	if c.trial > 0 {
		return c.judge(o)
	}
	if o.Share > c.config.Threshold && o.Busy > minimumBusy {
		c.hot, c.calm, c.silent = c.hot+1, 0, 0
		return c.relieve(o)
	}
	// Without a collection there is no data; the next one's share will cover this window too.
	if c.silent++; math.IsNaN(o.Share) && c.hot > 0 && c.silent < c.config.Windows {
		return c.decide(Nothing, "")
	}
	c.hot, c.silent, c.shedding = 0, 0, false
	return c.relax(o)
}

func (c *Controller) decide(action Action, format string, args ...any) Decision {
	d := Decision{Action: action, Percent: c.now}
	if action != Nothing {
		d.Reason = fmt.Sprintf(format, args...)
	}
	return d
}

// relieve decides after hot windows.
func (c *Controller) relieve(o Observation) Decision {
	if c.hot < c.config.Windows {
		if c.hot == 1 {
			return c.decide(Alert, "the collector takes %.0f %% of the CPU in use", 100*o.Share)
		}
		return c.decide(Nothing, "")
	}
	next := min(c.step(c.now), max(c.config.Max, c.base))
	fits := o.Live*(1+float64(next)/100)+o.Other < room*o.Limit
	if next == c.now || !fits || c.blocked > 0 {
		if c.shedding {
			return c.decide(Nothing, "")
		}
		c.shedding = true
		switch {
		case next == c.now:
			return c.decide(Shed, "the collector takes %.0f %% of the CPU in use, and GOGC is at its highest", 100*o.Share)
		case !fits:
			return c.decide(Shed, "the collector takes %.0f %% of the CPU in use, and GOGC %d would need more than %.0f %% of the memory limit", 100*o.Share, next, 100*room)
		default:
			return c.decide(Shed, "the collector takes %.0f %% of the CPU in use, and the last step of GOGC did not help", 100*o.Share)
		}
	}
	c.was, c.before, c.trial = c.now, o.Share, settle
	c.now, c.hot, c.shedding = next, 0, false
	return c.decide(Raise, "the collector took %.0f %% of the CPU in use for %d windows", 100*o.Share, c.config.Windows)
}

// step returns the next higher GOGC: half as much again, in fifties.
func (c *Controller) step(percent int) int {
	next := percent + percent/2
	if next >= 100 {
		next = next / 50 * 50
	}
	return max(next, percent+1)
}

// down returns the GOGC to step down to.
func (c *Controller) down() int {
	for p := c.base; ; {
		next := c.step(p)
		if next >= c.now {
			return p
		}
		p = next
	}
}

// judge decides about a step that has had time to show what it does.
func (c *Controller) judge(o Observation) Decision {
	if short := o.Goal+o.Other > o.Limit*0.97; short {
		return c.revert("memory ran short after the step")
	}
	if c.trial--; c.trial > 0 {
		return c.decide(Nothing, "")
	}
	// A window without a collection has none to complain of.
	if o.Share > 0.9*c.before {
		return c.revert(fmt.Sprintf("the step brought the collector's share from %.0f %% to %.0f %% only", 100*c.before, 100*o.Share))
	}
	c.backoff = firstBackoff
	return c.decide(Nothing, "")
}

func (c *Controller) revert(reason string) Decision {
	c.now, c.trial, c.hot = c.was, 0, 0
	c.blocked, c.backoff = c.backoff, min(2*c.backoff, maxBackoff)
	return c.decide(Revert, "%s; not tried again for %d windows", reason, c.blocked)
}

// relax steps down when the collector would be quiet with less: its work is in inverse proportion to GOGC.
func (c *Controller) relax(o Observation) Decision {
	if c.now == c.base {
		c.calm = 0
		return c.decide(Nothing, "")
	}
	lower := c.down()
	work := o.Share / (1 - o.Share) * float64(c.now) / float64(lower)
	quiet := math.IsNaN(o.Share) || work/(1+work) < 0.6*c.config.Threshold || o.Busy < minimumBusy
	tight := o.Goal+o.Other > room*o.Limit
	if !quiet && !tight {
		c.calm = 0
		return c.decide(Nothing, "")
	}
	if c.calm++; c.calm < c.config.Calm && !tight {
		return c.decide(Nothing, "")
	}
	c.calm, c.now = 0, lower
	if tight {
		return c.decide(Lower, "memory is short")
	}
	return c.decide(Lower, "the collector was quiet for %d windows", c.config.Calm)
}

// guard ends a death spiral.
func (c *Controller) guard(o Observation) Decision {
	// The limit is what makes the collector run when the heap may not grow as far as GOGC, or half of the live heap,
	// would let it.
	wanted := o.Live / 2
	if c.now >= 0 {
		wanted = min(wanted, o.Live*float64(c.now)/100)
	}
	bound := o.Goal-o.Live < 0.9*wanted && o.Goal+o.Other > 0.8*o.Limit
	share := o.Share * o.Busy // of what the process may use
	if bound && share > c.config.SpiralShare {
		c.spiral += o.Length
	} else if !(share > c.config.SpiralShare) && c.lifted == Nothing { // what was lifted gives a respite, not a fresh start
		c.spiral = max(c.spiral-o.Length/4, 0)
	}
	switch {
	case c.lifted == Nothing && c.spiral >= c.config.SpiralAfter:
		c.lifted, c.usual = Lift, o.Limit
		d := c.decide(Lift, "the collector took more than %.0f %% of the CPU for %v: %.0f MiB of a limit of %.0f MiB are live",
			100*c.config.SpiralShare, c.spiral, o.Live/(1<<20), o.Limit/(1<<20))
		d.Limit = int64(o.Other + 1.5*o.Live)
		return d
	case c.lifted == Lift && c.spiral >= c.config.SpiralEnd:
		c.lifted = GiveUp
		d := c.decide(GiveUp, "nothing relieved the collector within %v: this process is better replaced", c.spiral)
		d.Limit = math.MaxInt64
		return d
	case c.lifted != Nothing:
		return c.ease(o)
	}
	return Decision{}
}

// ease puts the limit back when what is live has left room below it for a while.
func (c *Controller) ease(o Observation) Decision {
	if 1.4*o.Live+o.Other > c.usual {
		c.eased = 0
		return Decision{}
	}
	if c.eased++; c.eased < c.config.Calm {
		return Decision{}
	}
	c.lifted, c.eased, c.spiral = Nothing, 0, 0
	return c.decide(Restore, "%.0f MiB are live, which leaves room below the usual limit", o.Live/(1<<20))
}
