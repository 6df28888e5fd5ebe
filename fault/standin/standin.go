package standin

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/internal/faultpoint"
)

// Fault is the declaration of this fault.
var Fault = fault.Fault{
	Name:  "standin",
	Title: "Stand-in",
	Help:  "Changes what the monitor reads of one signal, in place of its sensor, which is not tried by that.",
	Params: []fault.Param{
		{Name: "signal", Text: true, Help: "The signal's name."},
		{Name: "move", Choices: []string{set, grow, freeze}, Help: "What the readings do: stay at the value, grow by the value each second, or stay as they are."},
		{Name: "value", Default: 1, Min: -1e18, Max: 1e18, Help: "The value, in the signal's basic unit."},
	},
	Effects: []fault.Effect{
		{When: map[string]string{"move": set}, Move: fault.Set, By: fault.Of("value")},
		{When: map[string]string{"move": grow}, Move: fault.Grow, By: fault.Of("value")},
		{When: map[string]string{"move": freeze}, Move: fault.Slow, By: fault.Exactly(1)},
	},
	Start: start,
}

// The words of the parameter "move".
const (
	set    = "set"
	grow   = "grow"
	freeze = "freeze"
)

type standin struct {
	*fault.Life
	signal, move string
	value        float64
	begun        time.Time
	replaced     atomic.Int64

	mu    sync.Mutex
	first map[string]float64 // by labels: the reading that is frozen
}

func start(ctx context.Context, args fault.Args) (fault.Injection, error) {
	s := &standin{signal: args.Choice("signal"), move: args.Choice("move"), value: args.Number("value"), begun: time.Now(), first: make(map[string]float64)}
	s.Life = fault.Begin(ctx, func(ctx context.Context) {
		restore := faultpoint.AddReading(s.read)
		<-ctx.Done()
		restore()
	})
	return s, nil
}

func (s *standin) read(name, labels string, value float64) float64 {
	if name != s.signal {
		return value
	}
	s.replaced.Add(1)
	switch s.move {
	case set:
		return s.value
	case grow:
		return value + s.value*time.Since(s.begun).Seconds()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, frozen := s.first[labels]; !frozen {
		s.first[labels] = value
	}
	return s.first[labels]
}

// Witness counts the readings that were replaced.
func (s *standin) Witness() fault.Witness {
	n := s.replaced.Load()
	return fault.Witness{
		Active: !s.Ended() && n > 0,
		Value:  float64(n),
		Detail: fmt.Sprintf("%d readings of %s were replaced (%s %g): its sensor is not tried", n, s.signal, s.move, s.value),
	}
}

// Remove lets the sensor speak again.
func (s *standin) Remove(ctx context.Context) (fault.Residue, error) {
	return fault.Residue{}, s.End(ctx)
}
