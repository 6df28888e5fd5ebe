package health

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/falsifiable/stability/internal/redact"
)

// Role says what a component means for the service.
type Role uint8

const (
	// Needed: the service is not ready before the component has been healthy once. A later failure is reported and
	// does not take the service out, because what is shared fails for all instances at once, and a fleet that
	// leaves together is the bigger outage (design §5, hazard 3; errata E34). It is the zero Role.
	Needed Role = iota
	// Local: the component belongs to this instance alone (a disk, a cache of its own). The service is ready only while it
	// is healthy, because another instance may well be.
	Local
	// Optional: the component is reported and decides nothing.
	Optional
)

// String returns "needed", "local" or "optional".
func (r Role) String() string {
	switch r {
	case Local:
		return "local"
	case Optional:
		return "optional"
	default:
		return "needed"
	}
}

// MarshalText returns the role's String.
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText accepts what MarshalText returns.
func (r *Role) UnmarshalText(text []byte) error {
	for role := Needed; role <= Optional; role++ {
		if role.String() == string(text) {
			*r = role
			return nil
		}
	}
	return fmt.Errorf("health: parsing role: %q is none of needed, local, optional", text)
}

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
	// Interval between the end of one check and the start of the next. Defaults to 10 s; until the first success it is
	// at most 1 s, so that a start is not slower than it must be.
	Interval time.Duration
	// Timeout ends the context of a check. One that does not return for as long again counts as failed, and no
	// other is started beside it. Defaults to 2 s.
	Timeout time.Duration
}

// Components are being checked in the background: a probe is answered from what is known, with its age, and costs the
// components nothing. Safe for concurrent use. Make them with [Watch].
type Components struct {
	list []*watched
}

// Watch begins to check the components until ctx ends. It returns an error, and begins nothing, when one has no name,
// no Check or the name of another.
func Watch(ctx context.Context, components ...Component) (*Components, error) {
	seen := make(map[string]bool)
	for i, c := range components {
		switch {
		case c.Name == "":
			return nil, fmt.Errorf("health: watching components: number %d has no name", i+1)
		case c.Check == nil:
			return nil, fmt.Errorf("health: watching components: %s has no Check", c.Name)
		case seen[c.Name]:
			return nil, fmt.Errorf("health: watching components: %s is there twice", c.Name)
		case c.Interval < 0 || c.Timeout < 0:
			return nil, fmt.Errorf("health: watching components: %s: Interval and Timeout must not be negative", c.Name)
		}
		seen[c.Name] = true
	}
	all := new(Components)
	for _, c := range components {
		if c.Interval == 0 {
			c.Interval = 10 * time.Second
		}
		if c.Timeout == 0 {
			c.Timeout = 2 * time.Second
		}
		w := &watched{Component: c, since: time.Now()}
		all.list = append(all.list, w)
		go w.run(ctx)
	}
	return all, nil
}

// watched is a component and what is known of it.
type watched struct {
	Component

	mu      sync.Mutex
	running bool
	since   time.Time // when the check began that runs now, or when waiting for the next began
	checked bool      // at least once to the end
	at      time.Time // when the last check ended
	took    time.Duration
	failure string // why the last check failed, "" if it did not
	once    bool   // has been healthy
	stopped bool
}

func (w *watched) run(ctx context.Context) {
	for {
		w.begin()
		start := time.Now()
		failure := w.call(ctx)
		if ctx.Err() != nil {
			break // the result is that of the end, not of the component
		}
		w.end(time.Since(start), failure)
		select {
		case <-time.After(w.pause()):
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running, w.stopped = false, true
}

// call runs the check and returns why it failed, fit to be shown. It waits for the check however long that takes. The check
// has a goroutine of its own, because one that ends its goroutine must not end the checking; and the error's text is asked
// for there, because that is host code too.
func (w *watched) call(ctx context.Context) (failure string) {
	ctx, cancel := context.WithTimeout(ctx, w.Timeout)
	defer cancel()
	done := make(chan string, 1)
	go func() {
		failure := "the check ended its goroutine" // runtime.Goexit
		defer func() { done <- short(redact.String(failure)) }()
		defer func() {
			if r := recover(); r != nil {
				failure = "the check panicked"
				failure += ": " + fmt.Sprint(r)
			}
		}()
		err := w.Check(ctx)
		failure = ""
		if err != nil {
			failure = "the check failed and its error has no text"
			if text := err.Error(); text != "" {
				failure = text
			}
		}
	}()
	return <-done
}

func (w *watched) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running, w.since = true, time.Now()
}

func (w *watched) end(took time.Duration, failure string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running, w.since = false, time.Now()
	w.checked, w.at, w.took, w.failure = true, w.since, took, failure
	w.once = w.once || failure == ""
}

func (w *watched) pause() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.once {
		return min(w.Interval, time.Second)
	}
	return w.Interval
}

func (w *watched) healthyOnce() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.once
}

// status is what can be said of the component now.
func (w *watched) status() ComponentStatus {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := ComponentStatus{Name: w.Name, Role: w.Role, State: Unchecked, Ready: w.once}
	if w.checked {
		s.State = Healthy
		age := seconds(time.Since(w.at))
		s.Age, s.Took = &age, seconds(w.took)
	}
	if w.failure != "" {
		s.State, s.Error = Failing, w.failure
	}
	switch {
	case w.running && time.Since(w.since) > 2*w.Timeout:
		s.State = Failing
		s.Error = fmt.Sprintf("the check began %v ago and does not return", time.Since(w.since).Round(time.Second))
	case w.stopped:
		s.State, s.Error = Failing, "it is no longer checked"
	}
	if w.Role == Local {
		s.Ready = s.State == Healthy
	}
	return s
}

// short bounds what a component's error, which may hold a whole page, takes in an answer.
func short(s string) string {
	const limit = 300
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}
