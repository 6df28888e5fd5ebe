package breaker

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"

	"github.com/falsifiable/stability/internal/settings"
)

// Config says when a breaker opens and how it closes again. The zero value is useful. In JSON and YAML its keys are
// those of docs/guide/whitepaper.md §3.2, with times in milliseconds; an absent key leaves the field as it is, an unknown one is an
// error (in YAML, if the decoder is strict):
//
//	failureThreshold: 0.8
//	minimumRequests: 20
//	timeoutMs: 5000
type Config struct {
	// Name is the dependency's: the label {breaker} of the signals, and part of errors. Defaults to "default".
	Name string
	// Critical says that the service is of no use without the dependency: [Optional] is false for its rejections and
	// the signal breaker.critical_open is 1 while it is not closed. The whitepaper (§1) wants breakers for the
	// non-critical ones first, so that is the default.
	Critical bool

	// FailureThreshold is the share of failed calls in the window from which on the breaker opens, in (0, 1].
	// Defaults to 0.8.
	FailureThreshold float64
	// MinimumRequests is how many calls the window must hold before a share of them means anything. Defaults to 20.
	MinimumRequests int
	// Window is the time over which calls are counted, in ten steps; at most ten minutes. Defaults to 10 s.
	Window time.Duration
	// Timeout is how long the breaker stays open before it tries the dependency again, and also how long a probe
	// may take before it counts as failed. Defaults to 5 s.
	Timeout time.Duration

	// SlowCall is the duration from which on a call counts as slow, whether it succeeded or its caller gave up: the
	// way to notice a dependency that hangs while every caller's own deadline ends the call. Measuring
	// costs two clock readings per call. Defaults to 0: calls are not timed.
	SlowCall time.Duration
	// SlowCallThreshold is the share of slow calls from which on the breaker opens, in (0, 1]. Defaults to 0.8.
	SlowCallThreshold float64

	// Probes is how many calls are let through to try the dependency while half-open. Defaults to 1.
	Probes int
	// ProbeSuccesses is how many of them must succeed for the breaker to close. Defaults to all of them.
	ProbeSuccesses int

	// IsFailure says whether an error, never nil, is the dependency's failure; "not found" is an answer, for instance.
	// It is not asked when the caller's own context has ended. Defaults to every error.
	IsFailure func(error) bool `json:"-" yaml:"-"`
	// OnChange is told of each change of state, one after the other, on a goroutine of its own: it may call
	// every method of the breaker. One that panics is recovered; one that hangs misses changes, the oldest first.
	// Defaults to none.
	OnChange func(Change) `json:"-" yaml:"-"`
}

const maxWindow = 10 * time.Minute // 2³² calls of one bucket, the most its counter holds, take longer than a tenth of it

// withDefaults returns c with every zero field filled in.
func (c Config) withDefaults() Config {
	c.Name = cmp.Or(c.Name, "default")
	c.FailureThreshold = cmp.Or(c.FailureThreshold, 0.8)
	c.MinimumRequests = cmp.Or(c.MinimumRequests, 20)
	c.Window = cmp.Or(c.Window, 10*time.Second)
	c.Timeout = cmp.Or(c.Timeout, 5*time.Second)
	c.SlowCallThreshold = cmp.Or(c.SlowCallThreshold, 0.8)
	c.Probes = cmp.Or(c.Probes, 1)
	c.ProbeSuccesses = cmp.Or(c.ProbeSuccesses, c.Probes)
	if c.IsFailure == nil {
		c.IsFailure = func(error) bool { return true }
	}
	return c
}

// Validate reports the first field whose value makes no sense.
func (c Config) Validate() error {
	c = c.withDefaults()
	return settings.Check("breaker", c.Name,
		settings.Require(c.FailureThreshold > 0 && c.FailureThreshold <= 1, "failureThreshold", c.FailureThreshold, "in (0, 1]"),
		settings.Require(c.MinimumRequests > 0, "minimumRequests", c.MinimumRequests, "positive"),
		settings.Require(c.Window >= 10*time.Millisecond && c.Window <= maxWindow, "windowMs", settings.Millis(c.Window), "between 10 ms and 10 minutes"),
		settings.Require(c.Timeout > 0, "timeoutMs", settings.Millis(c.Timeout), "positive"),
		settings.Require(c.SlowCall >= 0, "slowCallMs", settings.Millis(c.SlowCall), "0 or positive"),
		settings.Require(c.SlowCallThreshold > 0 && c.SlowCallThreshold <= 1, "slowCallThreshold", c.SlowCallThreshold, "in (0, 1]"),
		settings.Require(c.Probes > 0 && c.Probes <= maxProbes, "probes", c.Probes, fmt.Sprintf("between 1 and %d", maxProbes)),
		settings.Require(c.ProbeSuccesses > 0 && c.ProbeSuccesses <= c.Probes, "probeSuccesses", c.ProbeSuccesses, "between 1 and the number of probes"),
	)
}

// file is a Config as configuration files write it.
type file struct {
	Name              string  `json:"name,omitempty" yaml:"name,omitempty"`
	Critical          bool    `json:"critical,omitempty" yaml:"critical,omitempty"`
	FailureThreshold  float64 `json:"failureThreshold,omitempty" yaml:"failureThreshold,omitempty"`
	MinimumRequests   int     `json:"minimumRequests,omitempty" yaml:"minimumRequests,omitempty"`
	WindowMs          float64 `json:"windowMs,omitempty" yaml:"windowMs,omitempty"`
	TimeoutMs         float64 `json:"timeoutMs,omitempty" yaml:"timeoutMs,omitempty"`
	SlowCallMs        float64 `json:"slowCallMs,omitempty" yaml:"slowCallMs,omitempty"`
	SlowCallThreshold float64 `json:"slowCallThreshold,omitempty" yaml:"slowCallThreshold,omitempty"`
	Probes            int     `json:"probes,omitempty" yaml:"probes,omitempty"`
	ProbeSuccesses    int     `json:"probeSuccesses,omitempty" yaml:"probeSuccesses,omitempty"`
}

func (c Config) file() file {
	return file{c.Name, c.Critical, c.FailureThreshold, c.MinimumRequests, settings.Millis(c.Window), settings.Millis(c.Timeout),
		settings.Millis(c.SlowCall), c.SlowCallThreshold, c.Probes, c.ProbeSuccesses}
}

func (c *Config) decode(into func(any) error) error {
	f := c.file()
	if err := into(&f); err != nil {
		return fmt.Errorf("breaker: reading configuration: %w", err)
	}
	*c = Config{Name: f.Name, Critical: f.Critical, FailureThreshold: f.FailureThreshold, MinimumRequests: f.MinimumRequests,
		Window: settings.Duration(f.WindowMs), Timeout: settings.Duration(f.TimeoutMs), SlowCall: settings.Duration(f.SlowCallMs),
		SlowCallThreshold: f.SlowCallThreshold, Probes: f.Probes, ProbeSuccesses: f.ProbeSuccesses,
		IsFailure: c.IsFailure, OnChange: c.OnChange}
	return nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *Config) UnmarshalJSON(data []byte) error { return c.decode(settings.Strict(data)) }

// UnmarshalYAML implements the unmarshaler of the YAML libraries, none of which is needed for it.
func (c *Config) UnmarshalYAML(into func(any) error) error { return c.decode(into) }

// MarshalJSON implements json.Marshaler.
func (c Config) MarshalJSON() ([]byte, error) { return json.Marshal(c.file()) }
