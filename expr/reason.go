package expr

import (
	"fmt"
	"time"
)

// Cause is why something is Unknown.
type Cause uint8

const (
	// NotUnknown is the zero Cause: there is nothing to explain.
	NotUnknown Cause = iota
	// NeverRead: the signal has no reading. Its source is not attached, failed, or a registered time was never set.
	NeverRead
	// Stale: the last reading is too old.
	Stale
	// Filling: history does not yet reach back over the window.
	Filling
	// Sparse: the window holds fewer readings than the function needs.
	Sparse
	// Learning: the baseline is not yet learnt.
	Learning
	// DivisionByZero: the right side of / is zero.
	DivisionByZero
	// NotANumber: a reading or a result is no number.
	NotANumber
)

// Reason says why an outcome is Unknown. The zero Reason says nothing. It is made without allocating; String allocates.
type Reason struct {
	Cause Cause
	about *subject
	span  time.Duration
	count int
}

// subject is what a reason can be about, made once when a program is bound.
type subject struct {
	text   string // as the canonical form writes it
	source string // of the signal, if it is one
}

// String says the reason in a few words, "" for the zero Reason.
func (r Reason) String() string {
	switch r.Cause {
	case NeverRead:
		if r.about.source != "" {
			return fmt.Sprintf("%s was never read (source %s)", r.about.text, r.about.source)
		}
		return r.about.text + " was never read"
	case Stale:
		return fmt.Sprintf("%s was last read %s ago", r.about.text, r.span.Round(time.Millisecond))
	case Filling:
		return fmt.Sprintf("%s reaches back only %s", r.about.text, r.span.Round(time.Millisecond))
	case Sparse:
		return fmt.Sprintf("%s holds only %d readings", r.about.text, r.count)
	case Learning:
		return fmt.Sprintf("baseline(%s) is still being learnt", r.about.text)
	case DivisionByZero:
		return "division by zero"
	case NotANumber:
		return "a value is not a number"
	default:
		return ""
	}
}
