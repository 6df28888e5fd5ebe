package defense

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"

	"github.com/falsifiable/stability/defense/breaker"
	"github.com/falsifiable/stability/defense/bulkhead"
	"github.com/falsifiable/stability/internal/settings"
)

// Config says how one dependency is guarded. The zero value is useful. In JSON and YAML its keys are name, timeoutMs,
// reserveMs, breaker and bulkhead; an absent key leaves the field as it is, an unknown one is an error (in YAML, if the
// decoder is strict).
type Config struct {
	// Name is the dependency's, and that of parts without a name. Defaults to "default".
	Name string
	// Timeout is the most that one call may take; a caller's sooner deadline wins. A call that it ends has failed, one
	// that its caller's deadline ends has not. Defaults to 0: as long as its caller allows.
	Timeout time.Duration
	// Reserve is how much of a caller's deadline is kept back, to answer with when the dependency is too late.
	// Defaults to 0.
	Reserve time.Duration

	Breaker  breaker.Config
	Bulkhead bulkhead.Config
}

// checked returns c with the names filled in, or the first thing that is wrong with it.
func (c Config) checked() (Config, error) {
	c.Name = cmp.Or(c.Name, "default")
	c.Breaker.Name = cmp.Or(c.Breaker.Name, c.Name)
	c.Bulkhead.Name = cmp.Or(c.Bulkhead.Name, c.Name)
	if err := settings.Check("defense", c.Name,
		settings.Require(c.Timeout >= 0, "timeoutMs", settings.Millis(c.Timeout), "0 or positive"),
		settings.Require(c.Reserve >= 0, "reserveMs", settings.Millis(c.Reserve), "0 or positive"),
	); err != nil {
		return c, err
	}
	if err := c.Breaker.Validate(); err != nil {
		return c, err
	}
	return c, c.Bulkhead.Validate()
}

// Validate reports the first field whose value makes no sense.
func (c Config) Validate() error {
	_, err := c.checked()
	return err
}

// file is a Config as configuration files write it.
type file struct {
	Name      string          `json:"name,omitempty" yaml:"name,omitempty"`
	TimeoutMs float64         `json:"timeoutMs,omitempty" yaml:"timeoutMs,omitempty"`
	ReserveMs float64         `json:"reserveMs,omitempty" yaml:"reserveMs,omitempty"`
	Breaker   breaker.Config  `json:"breaker" yaml:"breaker"`
	Bulkhead  bulkhead.Config `json:"bulkhead" yaml:"bulkhead"`
}

func (c Config) file() file {
	return file{c.Name, settings.Millis(c.Timeout), settings.Millis(c.Reserve), c.Breaker, c.Bulkhead}
}

func (c *Config) decode(into func(any) error) error {
	f := c.file()
	if err := into(&f); err != nil {
		return fmt.Errorf("defense: reading configuration: %w", err)
	}
	*c = Config{f.Name, settings.Duration(f.TimeoutMs), settings.Duration(f.ReserveMs), f.Breaker, f.Bulkhead}
	return nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *Config) UnmarshalJSON(data []byte) error { return c.decode(settings.Strict(data)) }

// UnmarshalYAML implements the unmarshaler of the YAML libraries, none of which is needed for it.
func (c *Config) UnmarshalYAML(into func(any) error) error { return c.decode(into) }

// MarshalJSON implements json.Marshaler.
func (c Config) MarshalJSON() ([]byte, error) { return json.Marshal(c.file()) }
