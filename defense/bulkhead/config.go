package bulkhead

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"

	"github.com/falsifiable/stability/internal/settings"
)

// Config says how much a bulkhead holds. The zero value is useful. In JSON and YAML its keys are name, limit, maxWaitMs,
// maxQueue, adaptive and minLimit; an absent key leaves the field as it is, an unknown one is an error (in YAML, if the
// decoder is strict).
type Config struct {
	// Name is the dependency's: the label {bulkhead} of the signals, and part of errors. Defaults to "default".
	Name string
	// Limit is how many calls may be under way at once; in an adaptive bulkhead, the most that may ever be. Defaults
	// to 64.
	Limit int
	// MaxWait is how long a caller may wait for a place. Defaults to 0: nobody waits.
	MaxWait time.Duration
	// MaxQueue is how many callers may wait at once. Defaults to Limit.
	MaxQueue int
	// Adaptive lets the limit follow the latency, between MinLimit, where it begins, and Limit. Timing the calls
	// costs two clock readings each. Defaults to false.
	Adaptive bool
	// MinLimit is the least that an adaptive limit may be. Defaults to 4, or Limit if that is less.
	MinLimit int
}

const maxLimit = 1 << 20

func (c Config) withDefaults() Config {
	c.Name = cmp.Or(c.Name, "default")
	c.Limit = cmp.Or(c.Limit, 64)
	c.MaxQueue = cmp.Or(c.MaxQueue, c.Limit)
	c.MinLimit = cmp.Or(c.MinLimit, min(4, c.Limit))
	return c
}

// Validate reports the first field whose value makes no sense.
func (c Config) Validate() error {
	c = c.withDefaults()
	return settings.Check("bulkhead", c.Name,
		settings.Require(c.Limit > 0 && c.Limit <= maxLimit, "limit", c.Limit, fmt.Sprintf("between 1 and %d", maxLimit)),
		settings.Require(c.MaxWait >= 0, "maxWaitMs", settings.Millis(c.MaxWait), "0 or positive"),
		settings.Require(c.MaxQueue > 0 && c.MaxQueue <= maxLimit, "maxQueue", c.MaxQueue, fmt.Sprintf("between 1 and %d", maxLimit)),
		settings.Require(c.MinLimit > 0 && c.MinLimit <= c.Limit, "minLimit", c.MinLimit, "between 1 and the limit"),
	)
}

// file is a Config as configuration files write it.
type file struct {
	Name      string  `json:"name,omitempty" yaml:"name,omitempty"`
	Limit     int     `json:"limit,omitempty" yaml:"limit,omitempty"`
	MaxWaitMs float64 `json:"maxWaitMs,omitempty" yaml:"maxWaitMs,omitempty"`
	MaxQueue  int     `json:"maxQueue,omitempty" yaml:"maxQueue,omitempty"`
	Adaptive  bool    `json:"adaptive,omitempty" yaml:"adaptive,omitempty"`
	MinLimit  int     `json:"minLimit,omitempty" yaml:"minLimit,omitempty"`
}

func (c Config) file() file {
	return file{c.Name, c.Limit, settings.Millis(c.MaxWait), c.MaxQueue, c.Adaptive, c.MinLimit}
}

func (c *Config) decode(into func(any) error) error {
	f := c.file()
	if err := into(&f); err != nil {
		return fmt.Errorf("bulkhead: reading configuration: %w", err)
	}
	*c = Config{f.Name, f.Limit, settings.Duration(f.MaxWaitMs), f.MaxQueue, f.Adaptive, f.MinLimit}
	return nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *Config) UnmarshalJSON(data []byte) error { return c.decode(settings.Strict(data)) }

// UnmarshalYAML implements the unmarshaler of the YAML libraries, none of which is needed for it.
func (c *Config) UnmarshalYAML(into func(any) error) error { return c.decode(into) }

// MarshalJSON implements json.Marshaler.
func (c Config) MarshalJSON() ([]byte, error) { return json.Marshal(c.file()) }
