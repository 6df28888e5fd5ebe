package signals

import (
	"slices"
	"time"
)

// StoreConfig bounds a [Store]. The zero value is useful.
type StoreConfig struct {
	// Resolution is the expected distance between readings. Defaults to 1 s.
	Resolution time.Duration
	// MaxInstances caps the instances of one signal; past it they fold into one labeled "other": by their sum, or by the
	// greatest of them where a sum means nothing, as of latencies and shares. Defaults to 100.
	MaxInstances int
	// MaxReadings caps the readings kept of one instance. Defaults to 7200 (two hours at 1 s).
	MaxReadings int
}

// Store keeps the recent readings of all signals of a schema. It is plain memory: time comes in with the samples.
// Not safe for concurrent use.
type Store struct {
	schema *Schema
	config StoreConfig
	sets   []instances // by ID
	folded uint64
	shape  uint64
}

type instances struct {
	list     []*Series
	byLabels map[Labels]*Series
	capacity int
	other    *other // nil while nothing is folded
}

// other is the instance that those past the cap share. What it adds up in one tick becomes a reading when the next tick
// begins, because only then it is complete.
type other struct {
	*Series
	desc Desc
	at   time.Duration // of the tick that is being folded
	sum  float64       // of that tick so far
	none bool          // nothing is in it yet
	last float64       // of a counter: the sum of the tick before,
	rise float64       // and what was counted so far
}

// NewStore returns an empty store for the signals of a schema.
func NewStore(schema *Schema, config StoreConfig) *Store {
	if config.Resolution <= 0 {
		config.Resolution = time.Second
	}
	if config.MaxInstances <= 0 {
		config.MaxInstances = 100
	}
	if config.MaxReadings <= 0 {
		config.MaxReadings = 7200
	}
	return &Store{schema: schema, config: config}
}

// Schema returns the schema that the store's IDs belong to.
func (s *Store) Schema() *Schema { return s.schema }

// Resolution returns the expected distance between readings.
func (s *Store) Resolution() time.Duration { return s.config.Resolution }

// Reach returns how far back the readings of an instance go at most: MaxReadings of them, a Resolution apart.
func (s *Store) Reach() time.Duration {
	return time.Duration(s.config.MaxReadings) * s.config.Resolution
}

// Folded returns how many readings went into an "other" instance because of the cardinality cap.
func (s *Store) Folded() uint64 { return s.folded }

// Shape is a number that changes whenever an instance appears or is dropped, so that whoever holds Series
// knows without looking at each signal when to ask for them again.
func (s *Store) Shape() uint64 { return s.shape }

// Retain makes the store keep at least window of history of a signal, as far as MaxReadings allows.
func (s *Store) Retain(id ID, window time.Duration) {
	set := s.set(id)
	want := min(int(window/s.config.Resolution)+4, s.config.MaxReadings)
	if want <= set.capacity {
		return
	}
	set.capacity = want
	for _, series := range set.list {
		series.Grow(want)
	}
	if set.other != nil {
		set.other.Grow(want)
	}
}

// Push stores one sample. It allocates only when it meets an instance for the first time.
func (s *Store) Push(sample Sample) {
	set := s.set(sample.ID)
	if series, ok := set.byLabels[sample.Labels]; ok {
		series.Push(sample.At, sample.Value)
		return
	}
	folds := set.other != nil && sample.Labels == set.other.labels // a source folds as well
	if !folds && (len(set.list) < s.config.MaxInstances || sample.Labels.IsZero()) {
		series := NewSeries(sample.Labels, s.schema.Desc(sample.ID).Kind, set.capacity)
		set.byLabels[sample.Labels] = series
		set.list = append(set.list, series)
		s.shape++
		series.Push(sample.At, sample.Value)
		return
	}
	if !folds {
		s.folded++
	}
	if set.other == nil {
		s.beginFolding(set, sample)
	}
	set.other.add(sample)
}

// beginFolding makes the other instance, or takes over the one that a source has which folds as well.
func (s *Store) beginFolding(set *instances, sample Sample) {
	desc := s.schema.Desc(sample.ID)
	labels := otherLabels(desc)
	o := &other{desc: desc, at: sample.At, none: true}
	if series, ok := set.byLabels[labels]; ok {
		delete(set.byLabels, labels)
		at, value, _ := series.Last()
		o.Series, o.last, o.rise = series, series.raw, value
		if at == sample.At { // it has been read in this tick already
			o.sum, o.none = value, false
			if series.counter {
				o.sum = series.raw
			}
		}
		series.counter = false
	} else {
		// No counter, for the rise of a sum is counted by finish.
		o.Series = NewSeries(labels, Gauge, set.capacity)
		set.list = append(set.list, o.Series)
		s.shape++
	}
	set.other = o
}

func (o *other) add(sample Sample) {
	if sample.At != o.at {
		o.finish()
		o.at, o.sum, o.none = sample.At, 0, true
	}
	if o.none || o.desc.Kind == Counter || o.desc.Unit == Count || o.desc.Unit == Bytes {
		o.sum, o.none = plus(o.sum, sample.Value), false
		return
	}
	// A hundred peers that answer within 20 ms are not one that takes two seconds: the worst stands for all.
	o.sum = max(o.sum, sample.Value)
}

// finish makes the sum of a tick a reading. The sum of counters falls when one of them is gone, or gets an instance of its
// own: that is no reset of all, and must not read as if everything had been counted again.
func (o *other) finish() {
	if o.desc.Kind != Counter {
		o.Push(o.at, o.sum)
		return
	}
	o.rise = plus(o.rise, max(o.sum-o.last, 0))
	o.last = o.sum
	o.Push(o.at, o.rise)
}

// plus adds what leaves the sum finite: an infinity would never leave it again.
func plus(sum, v float64) float64 {
	if next := sum + v; next-next == 0 {
		return next
	}
	return sum
}

func otherLabels(d Desc) Labels {
	var kv []string
	for _, key := range d.Labels {
		kv = append(kv, key, Other)
	}
	if len(kv) == 0 {
		kv = []string{"instance", Other}
	}
	return NewLabels(kv...)
}

// Instances returns the series of a signal, in order of first appearance. The slice belongs to the store.
func (s *Store) Instances(id ID) []*Series {
	if int(id) >= len(s.sets) {
		return nil
	}
	return s.sets[id].list
}

// Series returns the series of one instance, or nil.
func (s *Store) Series(id ID, labels Labels) *Series {
	if int(id) >= len(s.sets) {
		return nil
	}
	set := &s.sets[id]
	if series, ok := set.byLabels[labels]; ok {
		return series
	}
	if set.other != nil && set.other.labels == labels {
		return set.other.Series
	}
	return nil
}

// Forget drops every instance that has had no reading since t, so that routes and peers which are gone do not
// hold memory. Series of signals without labels stay. It allocates nothing when there is nothing to drop.
func (s *Store) Forget(t time.Duration) {
	for i := range s.sets {
		set := &s.sets[i]
		set.list = slices.DeleteFunc(set.list, func(series *Series) bool {
			at, _, ok := series.Last()
			isOther := set.other != nil && series == set.other.Series
			if isOther {
				at, ok = set.other.at, true // its last reading is still to come
			}
			if series.labels.IsZero() || (ok && at >= t) {
				return false
			}
			if isOther {
				set.other = nil
			}
			delete(set.byLabels, series.labels)
			s.shape++
			return true
		})
	}
}

func (s *Store) set(id ID) *instances {
	for int(id) >= len(s.sets) {
		s.sets = append(s.sets, instances{byLabels: make(map[Labels]*Series), capacity: 4})
	}
	return &s.sets[id]
}
