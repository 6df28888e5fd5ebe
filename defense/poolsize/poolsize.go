// Package poolsize sizes a pool of database/sql while it works (docs/guide/whitepaper.md §3.3): it watches how many callers wait and how
// long connections are in use, tries one small change at a time, and keeps it only if callers are served sooner.
//
//	go poolsize.Run(ctx, db, poolsize.Config{MaxOpen: 50, Use: func() (int64, time.Duration) { return pools.Use("orders") }})
//
// What is optimal cannot be computed from sql.DBStats: callers that wait may want more connections, or fewer, if the database
// is what is slow. So a change is an experiment. The mean time from asking for a connection to giving it
// back is measured before and after; it is the callers waiting and served, divided by their rate (Little's law).
// No gain from growing, or harm from shrinking, and the change is taken back and not tried again for a time that doubles.
//
// The rules of docs/guide/hazards.md, 8: steps are small, each must settle before it is judged, and a controller that goes back and
// forth slows down. MaxOpen is a hard cap; set it to what the database allows, divided by the number of replicas.
package poolsize

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Config configures a controller. The zero value is useful.
type Config struct {
	// MinOpen and MaxOpen bound the number of open connections. Default to 2 and 25 (docs/guide/whitepaper.md §3.3).
	MinOpen, MaxOpen int
	// MaxStep is the most connections that one step may add, against a stampede on the database. Defaults to 4.
	MaxStep int
	// ServerTimeout is how long the server, or a firewall on the way, lets a connection live: MySQL's wait_timeout, for
	// example. Lifetime is then kept at nine tenths of it at most. Defaults to not known.
	ServerTimeout time.Duration
	// Lifetime is for SetConnMaxLifetime, without which a pool keeps connections to a server that has failed over. Defaults
	// to 5 min.
	Lifetime time.Duration
	// IdleTime is for SetConnMaxIdleTime: how soon a quiet pool lets go. Defaults to half of the lifetime.
	IdleTime time.Duration
	// Interval is the time between two steps. Defaults to 2 s.
	Interval time.Duration
	// Use returns how many times connections were taken and given back since the start, and for how long in all, as
	// sqldb.Pools.Use does. Without it only waits are known, and then the pool never
	// shrinks because the database is overloaded.
	Use func() (count int64, total time.Duration)
	// DryRun explains each step and takes none.
	DryRun bool
	// Logger gets an explanation of each step. Defaults to slog.Default().
	Logger *slog.Logger
}

// Validate reports settings that contradict each other.
func (c Config) Validate() error {
	var errs []error
	for name, negative := range map[string]bool{
		"MinOpen": c.MinOpen < 0, "MaxOpen": c.MaxOpen < 0, "MaxStep": c.MaxStep < 0, "ServerTimeout": c.ServerTimeout < 0,
		"Lifetime": c.Lifetime < 0, "IdleTime": c.IdleTime < 0, "Interval": c.Interval < 0,
	} {
		if negative {
			errs = append(errs, fmt.Errorf("poolsize: %s is negative", name))
		}
	}
	if d := c.withDefaults(); d.MinOpen > d.MaxOpen {
		errs = append(errs, fmt.Errorf("poolsize: MinOpen %d is above MaxOpen %d", d.MinOpen, d.MaxOpen))
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	if c.MaxOpen == 0 {
		c.MaxOpen = max(25, c.MinOpen)
	}
	if c.MinOpen == 0 {
		c.MinOpen = min(2, c.MaxOpen)
	}
	if c.MaxStep == 0 {
		c.MaxStep = 4
	}
	if c.Lifetime == 0 {
		c.Lifetime = 5 * time.Minute
	}
	if c.ServerTimeout > 0 {
		c.Lifetime = min(c.Lifetime, c.ServerTimeout/10*9)
	}
	if c.IdleTime == 0 {
		c.IdleTime = c.Lifetime / 2
	}
	c.IdleTime = min(c.IdleTime, c.Lifetime)
	if c.Interval == 0 {
		c.Interval = 2 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// Setting is what a pool is set to.
type Setting struct {
	MaxOpen, MaxIdle   int
	Lifetime, IdleTime time.Duration
}

// setting returns the setting with so many connections. All may be idle: sql.DB's default of 2 closes the others after each
// burst, to open them again in the next.
func (c Config) setting(open int) Setting {
	open = max(c.MinOpen, min(open, c.MaxOpen))
	return Setting{MaxOpen: open, MaxIdle: open, Lifetime: c.Lifetime, IdleTime: c.IdleTime}
}

// Observation is what one interval showed.
type Observation struct {
	// Waiting is the mean number of callers that waited for a connection, and Waits how many began to, a second.
	Waiting, Waits float64
	// InUse is the number of connections in use, at the most.
	InUse int
	// Rate is how many times a second a connection was given back, and Latency how long it had been in use, in the mean.
	// Both are 0 when unknown.
	Rate    float64
	Latency time.Duration
}

// cost returns what is to be small: the seconds from asking for a connection to giving it back; to having it, where it is not
// known for how long connections are used.
func (o Observation) cost() float64 {
	switch {
	case o.Rate > 0:
		return o.Latency.Seconds() + o.Waiting/o.Rate
	case o.Waits > 0:
		return o.Waiting / o.Waits
	}
	return o.Waiting
}
