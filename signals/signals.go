// Package signals is the vocabulary: what a service can read of itself, under which name, in which unit,
// and the recent history of those readings.
//
// A [Source] declares the signals it can read ([Desc]) and appends readings to a [Batch]. A [Schema] knows
// every declared name and its aliases; a [Store] keeps the recent [Series] of each signal instance.
// Sources live in sub-folders (goruntime, process, httpserver); this package reads nothing itself.
package signals

import (
	"slices"
	"time"
)

// Kind says how readings of a signal are to be understood.
type Kind uint8

const (
	// Gauge is a value that goes up and down. It is the zero Kind.
	Gauge Kind = iota
	// Counter only grows, but for resets when whatever counts is restarted.
	Counter
	// Size is the number of elements of a registered collection; the contract language reads it by len(x).
	Size
	// Instant is a registered point in time, carried as its age in seconds; read by time.Since(x).
	// NaN stands for a time that was never set, so that "never happened" is Unknown and not 292 years.
	Instant
)

// String returns the kind's word in error messages and reference pages.
func (k Kind) String() string {
	switch k {
	case Counter:
		return "counter"
	case Size:
		return "collection"
	case Instant:
		return "time"
	default:
		return "gauge"
	}
}

// Unit is the physical unit of a signal. The contract language refuses to compare different ones.
type Unit uint8

const (
	// Count is a number of things: goroutines, requests, file descriptors.
	Count Unit = iota
	// Bytes is an amount of memory or data.
	Bytes
	// Seconds is a length of time.
	Seconds
	// Ratio is a share without dimension, 1 being all of it.
	Ratio
)

// String returns the unit's word, "count", "bytes", "seconds" or "ratio".
func (u Unit) String() string {
	switch u {
	case Bytes:
		return "bytes"
	case Seconds:
		return "seconds"
	case Ratio:
		return "ratio"
	default:
		return "count"
	}
}

// Desc declares one signal.
type Desc struct {
	// Name is the OpenTelemetry semantic name where one exists: dotted, lower case.
	Name string
	// Aliases are other spellings of the same signal, such as runtime.NumGoroutine() for go.goroutine.count.
	Aliases []string
	Unit    Unit
	Kind    Kind
	// Labels are the keys by which instances of the signal differ. Empty means that there is one instance.
	Labels []string
	// Bound, if set, names the signal that this one can never exceed (a pool's use and its maximum).
	// The compiler warns about a check which could only fire by breaking that invariant.
	Bound string
	// Help is one sentence for the reference page and for Prometheus.
	Help string
	// Source is the room which reads it: goruntime, process, httpserver, or user.
	Source string
	// Cost is the approximate price of one reading.
	Cost time.Duration
}

// Sample is one reading of one signal instance. At is monotonic: the time since the monitor started.
type Sample struct {
	ID     ID
	Labels Labels
	At     time.Duration
	Value  float64
}

// Signal is the handle of a declared signal: a source makes its handles once, with [Declare], and gives readings by
// handle. Two handles are the same signal when they are the same pointer; a schema tells which mean the same
// name. A Signal never changes. Safe for concurrent use.
type Signal struct{ desc Desc }

// Declare returns a new handle for a signal.
func Declare(d Desc) *Signal {
	d.Labels, d.Aliases = slices.Clone(d.Labels), slices.Clone(d.Aliases)
	return &Signal{d}
}

// Desc returns the declaration. Its slices must not be changed.
func (s *Signal) Desc() Desc { return s.desc }

// Name returns the signal's name.
func (s *Signal) Name() string { return s.desc.Name }

// by returns the same declaration with these labels.
func (s *Signal) by(labels ...string) *Signal {
	s.desc.Labels = labels
	return s
}

// boundedBy returns the same declaration with a Bound.
func (s *Signal) boundedBy(name string) *Signal {
	s.desc.Bound = name
	return s
}

// Source is where readings come from.
//
// Describe is called once, when the source is attached; what it returns may be read by Sample from then on. Sample is
// called once per sampling tick, always from one goroutine at a time; it appends its readings to dst and should
// allocate nothing. A reading that could not be had is simply not appended: the signal goes stale, and checks on
// it Unknown. A source belongs to one monitor at a time: what it reads "since the last reading" would be torn between two.
type Source interface {
	Describe() []*Signal
	Sample(dst *Batch)
}
