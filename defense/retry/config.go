package retry

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/falsifiable/stability/internal/settings"
)

// Config says how often and how much is retried. The zero value is useful. In JSON and YAML its keys are name, ratio,
// perSecond, burst, attempts, backoffMs and maxBackoffMs; an absent key leaves the field as it is, an unknown one is an
// error (in YAML, if the decoder is strict).
type Config struct {
	// Name is the dependency's: the label {retry} of the signals, and part of errors. Defaults to "default".
	Name string
	// Ratio is how many retries each request adds to the budget, in (0, 1]. Defaults to 0.1.
	Ratio float64
	// PerSecond is how many retries a second time alone adds, for services with few requests. Defaults to 0.
	PerSecond float64
	// Burst is the most that the budget holds, and what it begins with. Defaults to 10.
	Burst int
	// Attempts is how often a call is made at most, the first time included. Defaults to 3.
	Attempts int
	// Backoff is the longest wait before the first retry; it doubles with each. Defaults to 50 ms.
	Backoff time.Duration
	// MaxBackoff is the longest wait before any. An error that asks for a longer one, as a Retry-After header does, is not
	// retried but returned: the caller may know what to do meanwhile. Defaults to 2 s, or Backoff if that is longer.
	MaxBackoff time.Duration

	// Retryable says whether an error, never nil, is worth another attempt. Defaults to [Retryable].
	Retryable func(error) bool `json:"-" yaml:"-"`
}

// Retryable is the default of [Config.Retryable]: an error that has a method Retryable() bool says it itself, as
// the rejections of packages breaker and bulkhead and [Permanent] do; context.Canceled is not worth it; every other
// error is.
func Retryable(err error) bool {
	var itself interface{ Retryable() bool }
	if errors.As(err, &itself) {
		return itself.Retryable()
	}
	return !errors.Is(err, context.Canceled)
}

func (c Config) withDefaults() Config {
	c.Name = cmp.Or(c.Name, "default")
	c.Ratio = cmp.Or(c.Ratio, 0.1)
	c.Burst = cmp.Or(c.Burst, 10)
	c.Attempts = cmp.Or(c.Attempts, 3)
	c.Backoff = cmp.Or(c.Backoff, 50*time.Millisecond)
	c.MaxBackoff = cmp.Or(c.MaxBackoff, max(2*time.Second, c.Backoff))
	if c.Retryable == nil {
		c.Retryable = Retryable
	}
	return c
}

// Validate reports the first field whose value makes no sense.
func (c Config) Validate() error {
	c = c.withDefaults()
	return settings.Check("retry", c.Name,
		settings.Require(c.Ratio > 0 && c.Ratio <= 1, "ratio", c.Ratio, "in (0, 1]"),
		settings.Require(c.PerSecond >= 0 && c.PerSecond <= 1e6, "perSecond", c.PerSecond, "between 0 and a million"),
		settings.Require(c.Burst > 0 && c.Burst <= 1e6, "burst", c.Burst, "between 1 and a million"),
		settings.Require(c.Attempts > 0, "attempts", c.Attempts, "positive"),
		settings.Require(c.Backoff > 0, "backoffMs", settings.Millis(c.Backoff), "positive"),
		settings.Require(c.MaxBackoff >= c.Backoff && c.MaxBackoff <= time.Hour, "maxBackoffMs", settings.Millis(c.MaxBackoff), "between backoffMs and an hour"),
	)
}

// file is a Config as configuration files write it.
type file struct {
	Name         string  `json:"name,omitempty" yaml:"name,omitempty"`
	Ratio        float64 `json:"ratio,omitempty" yaml:"ratio,omitempty"`
	PerSecond    float64 `json:"perSecond,omitempty" yaml:"perSecond,omitempty"`
	Burst        int     `json:"burst,omitempty" yaml:"burst,omitempty"`
	Attempts     int     `json:"attempts,omitempty" yaml:"attempts,omitempty"`
	BackoffMs    float64 `json:"backoffMs,omitempty" yaml:"backoffMs,omitempty"`
	MaxBackoffMs float64 `json:"maxBackoffMs,omitempty" yaml:"maxBackoffMs,omitempty"`
}

func (c Config) file() file {
	return file{c.Name, c.Ratio, c.PerSecond, c.Burst, c.Attempts, settings.Millis(c.Backoff), settings.Millis(c.MaxBackoff)}
}

func (c *Config) decode(into func(any) error) error {
	f := c.file()
	if err := into(&f); err != nil {
		return fmt.Errorf("retry: reading configuration: %w", err)
	}
	*c = Config{f.Name, f.Ratio, f.PerSecond, f.Burst, f.Attempts, settings.Duration(f.BackoffMs), settings.Duration(f.MaxBackoffMs), c.Retryable}
	return nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *Config) UnmarshalJSON(data []byte) error { return c.decode(settings.Strict(data)) }

// UnmarshalYAML implements the unmarshaler of the YAML libraries, none of which is needed for it.
func (c *Config) UnmarshalYAML(into func(any) error) error { return c.decode(into) }

// MarshalJSON implements json.Marshaler.
func (c Config) MarshalJSON() ([]byte, error) { return json.Marshal(c.file()) }
