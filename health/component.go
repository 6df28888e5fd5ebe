package health

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// Role says what a component means for the service.
type Role uint8

const (
	// Needed: the service is not ready before the component has been healthy once. A later failure is reported and
	// does not take the service out, because what is shared fails for all instances at once, and a fleet that
	// leaves together is the bigger outage. It is the zero Role.
	Needed Role = iota
	// Local: the component belongs to this instance alone (a disk, a cache or a pool of its own). The service is ready only
	// while it is healthy, because another instance may well be.
	Local
	// Optional: the component is reported and decides nothing.
	Optional
	// Vital: the service is alive only while the check returns at all, with whatever result. It decides /livez and nothing
	// else: a restart cures a hang, and hardly ever an error. See [Locks] and [Requests].
	Vital
)

var roleNames = [...]string{"needed", "local", "optional", "vital"}

// String returns "needed", "local", "optional" or "vital".
func (r Role) String() string {
	if int(r) < len(roleNames) {
		return roleNames[r]
	}
	return fmt.Sprintf("Role(%d)", uint8(r))
}

// MarshalText returns the role's String.
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText accepts what MarshalText returns.
func (r *Role) UnmarshalText(text []byte) error {
	for i, name := range roleNames {
		if name == string(text) {
			*r = Role(i)
			return nil
		}
	}
	return fmt.Errorf("health: parsing role: %q is none of needed, local, optional, vital", text)
}

// gates tells whether the role takes part in start and readiness.
func (r Role) gates() bool { return r == Needed || r == Local }

// Component is something that the service depends on, and how to find out whether it is healthy.
type Component struct {
	// Name identifies the component in answers. Required, unique.
	Name string
	// Check returns nil when the component is healthy, such as db.PingContext. It should give up when ctx ends. It is
	// called on a goroutine of its own, never twice at once; a panic or a Goexit in it is a failure. What looks like a
	// credential in the error is left out of answers, which anybody may read.
	Check func(ctx context.Context) error
	// Role defaults to Needed.
	Role Role
	// Stage orders the start: a component is first checked when all needed and local ones of lower stages have been healthy
	// once, such as listeners before caches before connection pools. Defaults to 0, the first stage.
	Stage int
	// Excuse names a Needed component whose failure explains that of this Local one, such as the database for a pool
	// of its connections: while it fails, all instances fail, and none leaves. Its Check must not go through
	// what this one checks, or each excuses the other. Defaults to none.
	Excuse string
	// Interval between the end of one check and the start of the next. Defaults to 10 s, for Local and Vital ones to 1 s.
	// Until the first success, and after a first failure, the next check follows within a second.
	Interval time.Duration
	// Timeout ends the context of a check. Defaults to 2 s, for Local ones to 1 s, for Vital ones to 15 s.
	Timeout time.Duration
	// MaxAge is how old a result may become. Past it the component is failing, whatever the last result was, for its check
	// hangs or is not run; no other is started beside a hanging one. At least Interval + Timeout. Defaults to Interval
	// + 2 × Timeout.
	MaxAge time.Duration
}

func (c Component) withDefaults() Component {
	interval, timeout := 10*time.Second, 2*time.Second
	switch c.Role {
	case Local: // it is out within Interval + 2 × Timeout and a second to confirm: less than 5 s
		interval, timeout = time.Second, time.Second
	case Vital:
		interval, timeout = time.Second, 15*time.Second
	}
	if c.Interval == 0 {
		c.Interval = interval
	}
	if c.Timeout == 0 {
		c.Timeout = timeout
	}
	if c.MaxAge == 0 {
		c.MaxAge = c.Interval + 2*c.Timeout
	}
	return c
}

// Components are being checked in the background: a probe is answered from what is known, with its age, and costs the
// components nothing. Safe for concurrent use. Make them with [Watch].
type Components struct {
	list     []*watched
	epoch    time.Time
	started  atomic.Int64 // when all had been healthy once, in nanoseconds since epoch; 0 for not yet
	draining atomic.Bool
	early    atomic.Int64 // requests before that
	shed     atomic.Int64 // requests that the ramp refused
}

// Watch begins to check the components until ctx ends. It returns an error, and begins nothing, when one has no name,
// no Check or the name of another, or an Excuse that is not a Needed component.
func Watch(ctx context.Context, components ...Component) (*Components, error) {
	return watchWith(ctx, rand.Float64, components)
}

// watchWith is Watch with a source of jitter, from [0, 1).
func watchWith(ctx context.Context, jitter func() float64, components []Component) (*Components, error) {
	all := &Components{epoch: time.Now()}
	for i, c := range components {
		c = c.withDefaults()
		if err := c.validate(); err != nil {
			return nil, fmt.Errorf("health: watching components: number %d: %w", i+1, err)
		}
		if all.find(c.Name) != nil {
			return nil, fmt.Errorf("health: watching components: %s is there twice", c.Name)
		}
		all.list = append(all.list, &watched{
			Component: c, all: all, jitter: jitter, since: all.epoch, kick: make(chan struct{}, 1), passed: make(chan struct{}),
		})
	}
	for _, w := range all.list {
		if err := w.link(); err != nil {
			return nil, fmt.Errorf("health: watching components: %s: %w", w.Name, err)
		}
	}
	all.noteStart() // with nothing to wait for
	for _, w := range all.list {
		go w.run(ctx)
	}
	return all, nil
}

func (c Component) validate() error {
	switch {
	case c.Name == "":
		return fmt.Errorf("it has no name")
	case c.Check == nil:
		return fmt.Errorf("%s has no Check", c.Name)
	case int(c.Role) >= len(roleNames):
		return fmt.Errorf("%s: there is no %v", c.Name, c.Role)
	case c.Interval < 0 || c.Timeout < 0 || c.MaxAge < 0:
		return fmt.Errorf("%s: Interval, Timeout and MaxAge must not be negative", c.Name)
	case c.MaxAge < c.Interval+c.Timeout:
		return fmt.Errorf("%s: a MaxAge of %v is less than Interval + Timeout, %v: a healthy component would be failing between two checks", c.Name, c.MaxAge, c.Interval+c.Timeout)
	}
	return nil
}

func (c *Components) find(name string) *watched {
	for _, w := range c.list {
		if w.Name == name {
			return w
		}
	}
	return nil
}

// Started tells whether every needed and local component has been healthy once.
func (c *Components) Started() bool { return c.started.Load() != 0 }

// Ready tells whether this instance should get requests now, as /readyz does.
func (c *Components) Ready() bool {
	if c.draining.Load() || !c.Started() {
		return false
	}
	for _, w := range c.list {
		if w.Role == Local && !w.status().Ready {
			return false
		}
	}
	return true
}

// Drain makes the instance unready for good, as the first step of its end; see [Shutdown].
func (c *Components) Drain() { c.draining.Store(true) }

// noteStart looks whether the start is complete.
func (c *Components) noteStart() {
	for _, w := range c.list {
		if w.Role.gates() && !w.healthyOnce() {
			return
		}
	}
	c.started.CompareAndSwap(0, max(1, int64(time.Since(c.epoch))))
}
