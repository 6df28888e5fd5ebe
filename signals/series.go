package signals

import (
	"sort"
	"time"
)

// Series is the recent history of one signal instance: a ring of readings, oldest overwritten first.
// Counters are stored with their resets undone, so that the increase over any span is last minus first.
// Not safe for concurrent use.
type Series struct {
	labels  Labels
	counter bool
	at      []time.Duration
	value   []float64
	head    int // index of the oldest reading
	n       int
	raw     float64 // last raw reading of a counter
	offset  float64 // what resets have taken away so far
}

// NewSeries returns an empty series which holds up to capacity readings, at least 2.
func NewSeries(labels Labels, kind Kind, capacity int) *Series {
	capacity = max(capacity, 2)
	return &Series{labels: labels, counter: kind == Counter,
		at: make([]time.Duration, capacity), value: make([]float64, capacity)}
}

// Labels returns the labels of the instance.
func (s *Series) Labels() Labels { return s.labels }

// Len returns the number of readings held.
func (s *Series) Len() int { return s.n }

// Cap returns the number of readings that the series can hold.
func (s *Series) Cap() int { return len(s.at) }

// Push appends a reading. A reading not later than the last one is dropped: time is monotonic. So is a counter's that is, or
// would make it, no finite number.
func (s *Series) Push(at time.Duration, v float64) {
	if s.n > 0 && at <= s.at[s.index(s.n-1)] {
		return
	}
	if s.counter {
		offset := s.offset
		if s.n > 0 && v < s.raw {
			offset += s.raw
		}
		if sum := v + offset; sum-sum != 0 {
			return // one infinity in the offset would stay in all that follows; a gauge's goes with its window
		}
		s.raw, s.offset = v, offset
		v += offset
	}
	i := s.head + s.n
	if i >= len(s.at) {
		i -= len(s.at)
	}
	s.at[i], s.value[i] = at, v
	if s.n < len(s.at) {
		s.n++
	} else if s.head++; s.head == len(s.at) {
		s.head = 0
	}
}

// At returns the i-th reading, 0 being the oldest.
func (s *Series) At(i int) (time.Duration, float64) {
	j := s.index(i)
	return s.at[j], s.value[j]
}

// Last returns the newest reading, and false when there is none.
func (s *Series) Last() (time.Duration, float64, bool) {
	if s.n == 0 {
		return 0, 0, false
	}
	at, v := s.At(s.n - 1)
	return at, v, true
}

// From returns the index of the first reading not earlier than t, Len() when there is none.
func (s *Series) From(t time.Duration) int {
	return sort.Search(s.n, func(i int) bool { return s.at[s.index(i)] >= t })
}

// Values returns the values of readings i..Len() as at most two runs, older first, without copying.
// They are valid until the next Push.
func (s *Series) Values(i int) (older, newer []float64) {
	if i >= s.n {
		return nil, nil
	}
	start, end := s.index(i), s.head+s.n
	if end <= len(s.value) {
		return s.value[start:end], nil
	}
	if start >= s.head {
		return s.value[start:], s.value[:end-len(s.value)]
	}
	return s.value[start : end-len(s.value)], nil
}

// Grow makes room for at least capacity readings and keeps those held.
func (s *Series) Grow(capacity int) {
	if capacity <= len(s.at) {
		return
	}
	at, value := make([]time.Duration, capacity), make([]float64, capacity)
	for i := range s.n {
		at[i], value[i] = s.At(i)
	}
	s.at, s.value, s.head = at, value, 0
}

func (s *Series) index(i int) int {
	if i += s.head; i >= len(s.at) {
		i -= len(s.at)
	}
	return i
}
