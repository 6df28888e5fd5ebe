// Package plan works out from a check's expression how it is to be tried: which fault, with which parameters, can make it
// true within the time that a run has, and what keeps it from being tried.
//
// It guesses nothing. What a fault does to a signal is declared by the fault ([fault.Effect]); what the service's signals
// are without a fault was read a moment ago ([World]); and whether the check fires is asked of the engine that judges it
// in production, fed with the readings that follow. The package is pure: no clock, no process, no file.
package plan

import (
	"time"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/signals"
)

// World is what is known of a service and its machine before the first trial.
type World struct {
	// Schema declares every signal that a check can name.
	Schema []signals.Desc
	// Readings are what the signals were, without a fault, under the load of the trials.
	Readings []Reading
	// Scale multiplies the contract's own times, Sample is the distance between readings before that.
	Scale  float64
	Sample time.Duration
	// Memory bounds what a fault may take, in bytes; 0 for no bound.
	Memory float64
	// Limit is how long, by the clock, a check may take to fire.
	Limit time.Duration
}

// Reading is what one instance of a signal was: its last value, and by how much it grew per second.
type Reading struct {
	Name   string
	Labels signals.Labels
	Value  float64
	Growth float64
}

// Check is what is to be tried. Its times are the contract's own.
type Check struct {
	Expr          string
	For, Interval time.Duration
}

// Option is a fault that may be injected, and where.
type Option struct {
	Fault fault.Fault
	// Place tells whoever carries the plan out where the fault works; the plan hands it back as it is.
	Place string
	// Settings, if any, are an order that is known to suit: it is tried first.
	Settings fault.Settings
}

// Order is one fault of a trial with the parameters worked out for it.
type Order struct {
	Fault    fault.Fault
	Place    string
	Settings fault.Settings
}

// Trial is how a check is tried.
type Trial struct {
	Orders []Order
	// Fires is when, by the clock and counted from the injection, the check is expected to fire.
	Fires time.Duration
	// Steps tell, for each comparison, what it reads now and what it will read under the fault.
	Steps []Step
	// Spoken are the signals for which a stand-in gives the readings instead of their sensors: the sensors are not
	// tried.
	Spoken []string
	// Why says why no real fault moves the Spoken signals far enough. Empty if no fault moves them at all.
	Why string
	// Memory is what the faults take, in bytes.
	Memory float64
}

// Alone reports whether the trial needs the machine to itself.
func (t Trial) Alone() bool {
	for _, o := range t.Orders {
		if o.Fault.Heavy {
			return true
		}
	}
	return t.Memory > manyBytes
}

// manyBytes is more memory than several runs side by side should take each.
const manyBytes = 384 << 20

// Impossible says why there is no trial.
type Impossible struct{ Reason string }

func (e *Impossible) Error() string { return e.Reason }
