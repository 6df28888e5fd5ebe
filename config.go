package stability

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/falsifiable/stability/evidence"
)

// Config configures a [Monitor]. The zero value is useful.
type Config struct {
	// Service names the service in status, metrics and notifications.
	Service string
	// SampleInterval is the time between two readings of all signals. Defaults to 1 s.
	SampleInterval time.Duration
	// Warmup is how long a contract only learns its baselines, its checks being Unknown: caches fill and pools
	// grow after a start, which is no leak. Defaults to 1 min; negative for none.
	Warmup time.Duration
	// MaxInstances caps the instances (routes, pools, peers) of one signal; the rest fold into "other".
	// Defaults to 100.
	MaxInstances int
	// Evidence saves what explains a violation. Defaults to nil: nothing is saved.
	Evidence *evidence.Capturer
	// Responses are told of violations. Defaults to none; contracts' own OnViolation are called in any case.
	Responses []Response
	// Logger is for the monitor's own troubles and for recoveries. The monitor never waits for it. Defaults to slog.Default().
	Logger *slog.Logger
}

// minSampleInterval keeps a slip, such as 1 for time.Second, from spinning a core.
const minSampleInterval = time.Millisecond

// Validate reports what is wrong with the configuration.
func (c Config) Validate() error {
	if c.MaxInstances < 0 {
		return errors.New("stability: configuring a monitor: MaxInstances must not be negative")
	}
	if c.SampleInterval != 0 && c.SampleInterval < minSampleInterval {
		return fmt.Errorf("stability: configuring a monitor: a SampleInterval of %v is below %v", c.SampleInterval, minSampleInterval)
	}
	for i, r := range c.Responses {
		if r.Responder == nil {
			return fmt.Errorf("stability: configuring a monitor: response %d has no Responder", i+1)
		}
		if r.Strike > lastStrike {
			return fmt.Errorf("stability: configuring a monitor: response %d begins at strike %d, and there are %d", i+1, r.Strike, lastStrike)
		}
		if r.Repeat < 0 {
			return fmt.Errorf("stability: configuring a monitor: the Repeat of response %d must not be negative", i+1)
		}
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.SampleInterval == 0 {
		c.SampleInterval = time.Second
	}
	if c.Warmup == 0 {
		c.Warmup = time.Minute
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}
