package stability

import (
	"time"

	"github.com/falsifiable/stability/internal/timescale"
	"github.com/falsifiable/stability/signals"
)

// Simulation runs contracts through the engine in a time of the caller's own: samples go in, transitions come out. It is the
// very engine of a [Monitor], without clock, goroutines and responders; it serves replay, scenario scripts and the
// search for false alarms. Not safe for concurrent use.
type Simulation struct {
	engine *engine
	seq    uint64
}

// SimulationConfig configures a [Simulation].
type SimulationConfig struct {
	// Schema names the signals. Defaults to the standard ones.
	Schema *signals.Schema
	// SampleInterval is the distance between two steps. Defaults to 1 s.
	SampleInterval time.Duration
	// Warmup is how long contracts only learn. Defaults to 1 min; negative for none.
	Warmup time.Duration
	// Scale multiplies the times of the contracts, the interval and the warm-up, as stability falsify does to a service's:
	// rates stay what they are by the clock. In (0, 1]; defaults to 1.
	Scale float64
}

// Simulate returns a simulation of the contracts, or the error that registering them would give.
func Simulate(cfg SimulationConfig, contracts ...*Contract) (*Simulation, error) {
	if cfg.Schema == nil {
		cfg.Schema = signals.NewSchema(signals.Standard()...)
	}
	defaults := Config{SampleInterval: cfg.SampleInterval, Warmup: cfg.Warmup}.withDefaults()
	if cfg.Scale <= 0 || cfg.Scale > 1 {
		cfg.Scale = 1
	}
	resolution := timescale.Scale(defaults.SampleInterval, cfg.Scale)
	store := signals.NewStore(cfg.Schema, signals.StoreConfig{Resolution: resolution})
	s := &Simulation{engine: newEngine(store, cfg.Scale, timescale.Scale(defaults.Warmup, cfg.Scale))}
	for _, c := range contracts {
		made, err := compile(c, store, cfg.Scale)
		if err != nil {
			return nil, err
		}
		s.engine.add(made)
	}
	return s, nil
}

// Step takes the samples of one moment, which must be later than the last, and returns the changes of state they
// caused. Transition.At is left zero: a simulation has no wall clock.
func (s *Simulation) Step(now time.Duration, samples []signals.Sample) []Transition {
	var transitions []Transition
	for _, e := range s.engine.step(now, samples) {
		if e.from == e.to {
			continue
		}
		t := e.transition(now, time.Time{})
		s.seq++
		t.Seq = s.seq
		transitions = append(transitions, t)
	}
	return transitions
}

// Contracts returns the status of the simulated contracts.
func (s *Simulation) Contracts() []ContractStatus {
	var all []ContractStatus
	for _, c := range s.engine.contracts {
		all = append(all, contractStatus(c, func(read func()) { read() }))
	}
	return all
}
