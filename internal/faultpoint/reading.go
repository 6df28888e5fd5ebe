package faultpoint

import (
	"slices"
	"sync"
	"sync/atomic"
)

// ReadingFunc is shown each reading of a monitor, by the name of its signal and its labels as a contract writes them, and
// returns what the monitor is to take for it.
type ReadingFunc func(name, labels string, value float64) float64

var readings struct {
	mu      sync.Mutex
	all     []*ReadingFunc
	current atomic.Pointer[ReadingFunc] // all of them as one; nil when there is none
}

// AddReading shows f what monitors read, until restore. Each is shown what the one before it returned. restore is
// idempotent.
func AddReading(f ReadingFunc) (restore func()) {
	own := &f
	changeReadings(func(all []*ReadingFunc) []*ReadingFunc { return append(all, own) })
	return func() {
		changeReadings(func(all []*ReadingFunc) []*ReadingFunc {
			return slices.DeleteFunc(all, func(other *ReadingFunc) bool { return other == own })
		})
	}
}

func changeReadings(change func([]*ReadingFunc) []*ReadingFunc) {
	readings.mu.Lock()
	defer readings.mu.Unlock()
	readings.all = change(slices.Clone(readings.all))
	chain := readings.all
	if len(chain) == 0 {
		readings.current.Store(nil)
		return
	}
	run := ReadingFunc(func(name, labels string, value float64) float64 {
		for _, f := range chain {
			value = (*f)(name, labels, value)
		}
		return value
	})
	readings.current.Store(&run)
}

// Reading returns what decides on the readings of monitors, nil for nothing.
func Reading() ReadingFunc {
	if f := readings.current.Load(); f != nil {
		return *f
	}
	return nil
}
