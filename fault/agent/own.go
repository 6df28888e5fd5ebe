package agent

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/internal/faultpoint"
	"github.com/falsifiable/stability/internal/guarded"
)

// withOwn adds the faults that the service has declared itself, which may be after the agent began.
func withOwn(faults []fault.Fault) []fault.Fault {
	all := slices.Clone(faults)
	for _, own := range faultpoint.Owned() {
		if slices.ContainsFunc(faults, func(f fault.Fault) bool { return f.Name == own.Name }) {
			own.Name = "own" + own.Name // what the name stands for everywhere stays
		}
		all = append(all, fault.Fault{
			Name:  own.Name,
			Title: "The service's own " + own.Name,
			Help:  "Brings " + own.Signal + " to a value, as the service has declared by stability.RegisterFault.",
			Params: []fault.Param{{
				Name: "value", Default: 1, Min: -1e18, Max: 1e18, Help: "What " + own.Signal + " is brought to, in its basic unit.",
			}},
			Effects: []fault.Effect{{Signal: own.Signal, Move: fault.Set, By: fault.Of("value")}},
			Presets: []fault.Settings{{"value": "10000"}, {"value": "100000000"}, {"value": "0"}, {"value": "-1"}},
			Start: func(ctx context.Context, args fault.Args) (fault.Injection, error) {
				return drive(ctx, own, args.Number("value")), nil
			},
		})
	}
	return all
}

// driven is a fault of the service's own at work.
type driven struct {
	*fault.Life
	own   faultpoint.Own
	value float64

	began atomic.Bool
	mu    sync.Mutex
	first float64 // what the sensor said before, NaN until it has spoken
	last  float64
	err   error
}

func drive(ctx context.Context, own faultpoint.Own, value float64) *driven {
	d := &driven{own: own, value: value, first: math.NaN(), last: math.NaN()}
	d.Life = fault.Begin(ctx, func(ctx context.Context) {
		restore := faultpoint.AddReading(d.read)
		defer restore()
		over := make(chan struct{})
		go func() { // a function that ends its goroutine must not end ours
			defer close(over)
			guarded.Call(func() error { return own.Drive(ctx, value) }, d.fail)
		}()
		<-ctx.Done()
		<-over // it undoes what it did
	})
	return d
}

func (d *driven) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
}

// read listens to the sensor and changes nothing.
func (d *driven) read(name, _ string, value float64) float64 {
	if name == d.own.Signal {
		d.mu.Lock()
		defer d.mu.Unlock()
		if math.IsNaN(d.first) {
			d.first = value
		}
		d.last = value
	}
	return value
}

// Witness asks the sensor: the fault has taken effect when the signal is nearer to the value than it may be by chance.
func (d *driven) Witness() fault.Witness {
	d.mu.Lock()
	defer d.mu.Unlock()
	near := math.Abs(d.last-d.value) <= 0.1*math.Abs(d.value)+1e-9
	w := fault.Witness{
		Active: !d.Ended() && d.err == nil && near, Value: d.last,
		Detail: fmt.Sprintf("%s was to become %g; it was %g and is %g", d.own.Signal, d.value, d.first, d.last),
	}
	if d.err != nil {
		w.Detail = fmt.Sprintf("%s of the service's own: %v", d.own.Name, d.err)
	}
	return w
}

// Remove tells the function to end and waits until it has.
func (d *driven) Remove(ctx context.Context) (fault.Residue, error) {
	return fault.Residue{}, d.End(ctx)
}
