package hotconfig

import (
	"strconv"

	"github.com/falsifiable/stability/signals"
)

// Source returns a source of the signals of group [signals.Config], labeled by the value's name.
func (v *Value[T]) Source() signals.Source {
	return &source[T]{v, signals.NewLabels("config", v.options.Name)}
}

type source[T any] struct {
	value  *Value[T]
	labels signals.Labels
}

func (s *source[T]) Describe() []*signals.Signal { return signals.Group(signals.Config) }

func (s *source[T]) Sample(dst *signals.Batch) {
	on, status := signals.Config, s.value.Status()
	add := func(signal *signals.Signal, value float64) { dst.AddInstance(signal, s.labels, value) }
	failing := 0.0
	if status.Error != "" {
		failing = 1
	}
	add(on.Generation, float64(status.Generation))
	add(on.Age, status.Age.Seconds())
	add(on.Failing, failing)
	add(on.FailingAge, status.FailingFor.Seconds())
	add(on.Rejected, float64(status.Rejected))
	add(on.Torn, float64(status.Torn))
	add(on.Reverted, float64(status.Reverted))
	if hash, err := strconv.ParseUint(status.Hash[:12], 16, 64); err == nil { // 48 bits: more would not fit a float exactly
		add(on.Hash, float64(hash))
	}
}
