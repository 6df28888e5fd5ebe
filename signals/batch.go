package signals

import "math"

// MaxReadings is how many readings a source may give in one tick. A store folds instances long before that; the bound keeps a
// source gone wild, such as one with an instance for each user, from costing the monitor its memory.
const MaxReadings = 20_000

// Batch collects the readings of one source in one tick. The zero value is ready; a Batch is reused between
// ticks and not safe for concurrent use.
type Batch struct {
	readings []Reading
	refused  int
}

// Reading is what a source has read of one signal instance.
type Reading struct {
	Signal *Signal
	Labels Labels
	Value  float64
}

// Add appends a reading of a signal without labels. NaN is no reading. Neither is an infinity, which would
// spoil every sum and rate over it for as long as it is remembered: it is refused and counted.
func (b *Batch) Add(s *Signal, value float64) {
	b.AddInstance(s, Labels{}, value)
}

// AddInstance appends a reading of one labeled instance of a signal. See [Batch.Add].
func (b *Batch) AddInstance(s *Signal, labels Labels, value float64) {
	switch {
	case math.IsNaN(value):
	case math.IsInf(value, 0), b.full():
		b.refused++
	default:
		b.readings = append(b.readings, Reading{s, labels, value})
	}
}

func (b *Batch) full() bool { return len(b.readings) >= MaxReadings }

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() { b.readings, b.refused = b.readings[:0], 0 }

// Readings returns what the batch holds, until it is next added to or reset.
func (b *Batch) Readings() []Reading { return b.readings }

// Refused returns how many readings were refused since the last Reset: infinities, and those beyond [MaxReadings].
func (b *Batch) Refused() int { return b.refused }
