package signals

import (
	"math"
	"time"
)

// GaugeFunc returns a source of one signal of the service's own that goes up and down. read is called once per
// sampling tick; NaN means that there is no reading.
//
// All functions given to sources of this file may be called from another goroutine than those of the service,
// never two calls of one at once. A monitor runs each source on a goroutine of its own: a function which
// panics loses the tick's reading and is counted as a failure of its source, one which hangs makes
// the signal stale, and neither delays the others.
func GaugeFunc(name string, unit Unit, read func() float64) Source {
	return scalar(Desc{Name: name, Unit: unit}, read)
}

// CounterFunc returns a source of one signal that only grows, but for resets. See [GaugeFunc] about read.
func CounterFunc(name string, unit Unit, read func() float64) Source {
	return scalar(Desc{Name: name, Unit: unit, Kind: Counter}, read)
}

// CollectionFunc returns a source of the size of a collection, which contracts read by len(name).
// See [GaugeFunc] about size; it must take the lock which guards the collection, if there is one.
func CollectionFunc(name string, size func() int) Source {
	return scalar(Desc{Name: name, Kind: Size}, func() float64 { return float64(size()) })
}

// TimeFunc returns a source of a point in time, which contracts read by time.Since(name). The zero time means that
// it has not happened: there is no reading, and a check on it is Unknown. See [GaugeFunc] about last.
func TimeFunc(name string, last func() time.Time) Source {
	return scalar(Desc{Name: name, Unit: Seconds, Kind: Instant}, func() float64 {
		t := last()
		if t.IsZero() {
			return math.NaN()
		}
		return time.Since(t).Seconds()
	})
}

// GaugeVecFunc returns a source of a gauge with several instances, told apart by labels. In each tick read calls set
// once for each instance, with one value per label:
//
//	signals.GaugeVecFunc("pool.in_use", signals.Count, []string{"pool"}, func(set signals.Set) {
//		set(float64(orders.InUse()), "orders")
//		set(float64(users.InUse()), "users")
//	})
//
// A call with another number of label values panics. See [GaugeFunc] about read.
func GaugeVecFunc(name string, unit Unit, labels []string, read func(set Set)) Source {
	return newVec(Desc{Name: name, Unit: unit, Labels: labels}, read)
}

// CounterVecFunc is [GaugeVecFunc] for a counter.
func CounterVecFunc(name string, unit Unit, labels []string, read func(set Set)) Source {
	return newVec(Desc{Name: name, Unit: unit, Kind: Counter, Labels: labels}, read)
}

// Set takes the reading of one instance, named by the values of the signal's labels in their order. It must not be
// kept beyond the call that it was given to.
type Set func(value float64, labelValues ...string)

// scalarFunc is a signal with one instance.
type scalarFunc struct {
	signal *Signal
	read   func() float64
}

func scalar(d Desc, read func() float64) Source {
	d.Source, d.Cost = "user", time.Microsecond
	return &scalarFunc{Declare(d), read}
}

func (s *scalarFunc) Describe() []*Signal { return []*Signal{s.signal} }

func (s *scalarFunc) Sample(dst *Batch) { dst.Add(s.signal, s.read()) }

// vecFunc is a signal with instances. It keeps the labels of those it has met, so that they are made but once.
type vecFunc struct {
	signal *Signal
	read   func(Set)
	known  map[string]Labels
	key    []byte // scratch
}

// maxKnown bounds the labels that are kept. More instances than that still work, at the price of making labels; a store
// folds them long before.
const maxKnown = 1000

func newVec(d Desc, read func(Set)) Source {
	d.Source, d.Cost = "user", time.Microsecond
	return &vecFunc{signal: Declare(d), read: read, known: make(map[string]Labels)}
}

func (v *vecFunc) Describe() []*Signal { return []*Signal{v.signal} }

func (v *vecFunc) Sample(dst *Batch) {
	v.read(func(value float64, labelValues ...string) {
		if dst.full() {
			dst.refused++ // before labels are made for it
			return
		}
		dst.AddInstance(v.signal, v.labels(labelValues), value)
	})
}

func (v *vecFunc) labels(values []string) Labels {
	if len(values) != len(v.signal.desc.Labels) {
		panic("signals: setting " + v.signal.desc.Name + ": the number of label values is not that of its labels")
	}
	v.key = v.key[:0]
	for _, s := range values {
		v.key = append(append(v.key, s...), 0xff) // no UTF-8 text has that byte
	}
	if l, ok := v.known[string(v.key)]; ok {
		return l
	}
	var kv []string
	for i, s := range values {
		kv = append(kv, v.signal.desc.Labels[i], s)
	}
	l := NewLabels(kv...)
	if len(v.known) < maxKnown {
		v.known[string(v.key)] = l
	}
	return l
}
