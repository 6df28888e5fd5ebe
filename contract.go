package stability

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Mode says what a contract may do when it is violated.
type Mode uint8

const (
	// Observe warns only: logs, metrics, evidence, notifications. It never acts. It is the zero Mode.
	Observe Mode = iota
	// Enforce lets responders act: flip /healthz?contract=NAME, crash with full stacks, quarantine.
	Enforce
)

// String returns "observe" or "enforce".
func (m Mode) String() string {
	if m == Enforce {
		return "enforce"
	}
	return "observe"
}

// MarshalText returns the mode's String.
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText accepts "observe" and "enforce".
func (m *Mode) UnmarshalText(text []byte) error {
	switch string(text) {
	case "observe", "":
		*m = Observe
	case "enforce":
		*m = Enforce
	default:
		return fmt.Errorf("stability: parsing mode: %q is neither observe nor enforce", text)
	}
	return nil
}

// Contract is what a service promises about its own stability: a named set of conditions that must not hold
// (docs/guide/whitepaper.md §5). Register it with [RegisterContract] or [Monitor.Register]; it must not be changed afterwards.
type Contract struct {
	// Name identifies the contract in /healthz?contract=NAME, metrics and reports. Required, unique per Monitor.
	Name string
	// Checks are the conditions. At least one is required.
	Checks []Check
	// Mode defaults to Observe.
	Mode Mode
	// Interval between two evaluations. Defaults to [DefaultInterval].
	Interval time.Duration
	// OnViolation, if set, is called at each strike of each check, up to the third, on a goroutine of its
	// own with a context that ends after 10 s. A panic in it is recovered and counted; it never delays sampling.
	OnViolation func(ctx context.Context, v Violation)
	// Falsification is the content of the falsification.json beside the contract, usually embedded by go:embed.
	// It tells which checks are proven, by the hash of their meaning ([CheckStatus]). Without it no check is.
	Falsification []byte
	// Lenient accepts expressions which mix dimensions, with a warning. It exists for expressions brought from
	// elsewhere; such a check is likely never to fire.
	Lenient bool
}

// Check is one condition of a contract.
type Check struct {
	// Name is the check's name within its contract. Required.
	Name string `json:"name"`
	// Expr is the VIOLATION condition: true means that the promise is broken. See docs/reference/expr.md.
	Expr string `json:"expr"`
	// For is how long Expr must hold before the check is Violated. Defaults to 0: at once.
	For time.Duration `json:"for,omitempty"`
	// KeepFiringFor is how long Expr must be false before a violated check is Holding again: the hysteresis
	// that keeps a flapping signal from counting as recovered. Defaults to one Interval.
	KeepFiringFor time.Duration `json:"keep_firing_for,omitempty"`
	// Cause names the root cause in the catalogue that the check exists for. stability falsify injects that
	// cause's fault to prove the check. Defaults to the causes whose signals Expr reads.
	Cause string `json:"cause,omitempty"`
	// Severity is free text for the people who are told, e.g. "page". Defaults to "warning".
	Severity string `json:"severity,omitempty"`
}

// Validate reports what is wrong with the contract apart from its expressions, which need a schema.
func (c *Contract) Validate() error {
	if c == nil {
		return errors.New("stability: validating a contract: it is nil")
	}
	var errs []error
	add := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("stability: contract %q: "+format, append([]any{c.Name}, args...)...))
	}
	if c.Name == "" {
		add("it has no name")
	}
	if len(c.Checks) == 0 {
		add("it has no checks: a contract without checks promises nothing")
	}
	if c.Interval < 0 {
		add("interval %v is negative", c.Interval)
	}
	seen := make(map[string]bool)
	for i, k := range c.Checks {
		switch {
		case k.Name == "":
			add("check %d has no name", i+1)
		case seen[k.Name]:
			add("check %q is there twice", k.Name)
		}
		seen[k.Name] = true
		if k.For < 0 || k.KeepFiringFor < 0 {
			add("check %q: For and KeepFiringFor must not be negative", k.Name)
		}
	}
	return errors.Join(errs...)
}

// DefaultInterval is the time between two evaluations of a contract that states none (docs/guide/whitepaper.md §5).
const DefaultInterval = 30 * time.Second

func (c *Contract) interval() time.Duration {
	if c.Interval > 0 {
		return c.Interval
	}
	return DefaultInterval
}
