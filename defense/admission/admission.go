// Package admission sheds load that a service cannot serve in time, before it costs anything, and the least important
// first (docs/guide/whitepaper.md §4.2): by how many requests at once the service can use, by memory, and by the collector's pressure.
//
//	control, _ := admission.New(admission.Config{Shedding: pacer.Shedding})
//	http.ListenAndServe(addr, control.Middleware(mux))
//
// How many requests at once are useful is found while serving and needs no setting; it is an adaptive limit on throughput,
// not on latency alone. Beyond it requests wait in a short queue, in order of priority, no longer than about half of what
// a request takes; a more important one takes the place of the least important. So no critical request is shed while a
// sheddable one is admitted.
//
// Memory is judged by what would be live: what the last collection found, what the container holds outside of the Go heap,
// and what was admitted since. Garbage that the next collection frees is no pressure, and a burst is counted
// as it comes in, not at the next look of some poller.
package admission

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/falsifiable/stability/internal/settings"
	"github.com/falsifiable/stability/signals/cgroup"
)

// ErrShed is what every rejection is. Nothing was done.
var ErrShed = errors.New("admission: shed")

// ShedError is the rejection of a request.
type ShedError struct {
	Priority Priority
	Reason   Reason
}

func (e *ShedError) Error() string {
	return fmt.Sprintf("admission: shedding a %s request: %s", e.Priority, e.Reason)
}

// Is makes every rejection an [ErrShed].
func (e *ShedError) Is(target error) bool { return target == ErrShed }

// Retryable is false: trying again would add to the crowd. Package retry asks.
func (e *ShedError) Retryable() bool { return false }

// Priority is how important a request is. The zero value is Default.
type Priority uint8

const (
	// Default is for requests that nobody has classed.
	Default Priority = iota
	// Critical requests are shed last: payments, health probes.
	Critical
	// Sheddable requests are shed first: prefetches, batch jobs, what will be tried again anyway.
	Sheddable
	priorities
)

// rank orders priorities, the most important first.
var rank = [priorities]int{Default: 1, Critical: 0, Sheddable: 2}

// String returns the word for headers and signals.
func (p Priority) String() string {
	switch p {
	case Critical:
		return "critical"
	case Sheddable:
		return "sheddable"
	default:
		return "default"
	}
}

// ParsePriority returns the priority of that word, and false for others.
func ParsePriority(word string) (Priority, bool) {
	switch word {
	case "critical":
		return Critical, true
	case "default":
		return Default, true
	case "sheddable":
		return Sheddable, true
	}
	return Default, false
}

// Reason says why a request is shed.
type Reason uint8

const (
	// Queueing means that more requests are under way than the service can use, and enough wait.
	Queueing Reason = iota
	// Memory means that what is live, with what was admitted, comes near the limit.
	Memory
	// GarbageCollection means that the collector asks for less load.
	GarbageCollection
	reasons
)

// String returns the reason's word in signals.
func (r Reason) String() string {
	return [...]string{"queueing", "memory", "gc"}[min(r, reasons-1)]
}

// Config configures a controller. The zero value is useful.
type Config struct {
	// Name is the label {admission} of the signals. Defaults to "default".
	Name string
	// Limit is the most requests that may ever be under way, MinLimit the least that the limit may fall to, where it
	// begins. Default to 10,000 and 1.
	Limit, MinLimit int
	// MaxWait is the longest that a request waits. Defaults to 1 s; the queue's length usually keeps it far shorter.
	MaxWait time.Duration
	// Shedding, if set, reports that the collector asks for less load: (*gcpacer.Pacer).Shedding. Sheddable requests are
	// then shed, and of the default ones a share that grows while it lasts.
	Shedding func() bool
	// RetryAfter is what clients are told to wait, on average. Defaults to 2 s.
	RetryAfter time.Duration
	// Cgroup reads the container's limits. Defaults to cgroup.Open().
	Cgroup *cgroup.Reader

	heap func() heap // stands in for the runtime in tests
}

func (c Config) withDefaults() Config {
	c.Name = cmp.Or(c.Name, "default")
	c.Limit = cmp.Or(c.Limit, 10_000)
	c.MinLimit = cmp.Or(c.MinLimit, 1)
	c.MaxWait = cmp.Or(c.MaxWait, time.Second)
	c.RetryAfter = cmp.Or(c.RetryAfter, 2*time.Second)
	if c.Cgroup == nil {
		c.Cgroup = cgroup.Open()
	}
	if c.heap == nil {
		c.heap = newHeapReader()
	}
	return c
}

// Validate reports the first field whose value makes no sense.
func (c Config) Validate() error {
	limit, least := cmp.Or(c.Limit, 10_000), cmp.Or(c.MinLimit, 1)
	return settings.Check("admission", cmp.Or(c.Name, "default"),
		settings.Require(limit > 0 && limit <= 1<<20, "Limit", c.Limit, "between 1 and 1048576"),
		settings.Require(least > 0 && least <= limit, "MinLimit", c.MinLimit, "between 1 and Limit"),
		settings.Require(c.MaxWait >= 0, "MaxWait", c.MaxWait, "0 or positive"),
		settings.Require(c.RetryAfter >= 0, "RetryAfter", c.RetryAfter, "0 or positive"),
	)
}

// Do makes a call if it is admitted. The error is call's, or a [*ShedError], or says that ctx ended while waiting.
func (c *Controller) Do(ctx context.Context, p Priority, call func(context.Context) error) error {
	permit, err := c.Acquire(ctx, p)
	if err != nil {
		return err
	}
	failed := true // unless call returns
	defer func() { permit.release(failed) }()
	err = call(ctx)
	failed = err != nil
	return err
}
