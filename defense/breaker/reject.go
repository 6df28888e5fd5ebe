package breaker

import (
	"errors"
	"fmt"
	"time"
)

// ErrOpen is what every rejection is: the breaker is open, or half-open with all probes under way. Nothing was sent.
var ErrOpen = errors.New("breaker: open")

// OpenError is the rejection of a call.
type OpenError struct {
	Name     string
	Critical bool
	// Until is when the breaker will let a probe pass.
	Until time.Time
	// Reason says why it opened.
	Reason string
}

func (e *OpenError) Error() string {
	return fmt.Sprintf("breaker: calling %s: open: %s", e.Name, e.Reason)
}

// Is makes every rejection an [ErrOpen].
func (e *OpenError) Is(target error) bool { return target == ErrOpen }

// Retryable is false: trying again at once would be rejected too. Package retry asks.
func (e *OpenError) Retryable() bool { return false }

// RetryAfter returns how long it is until the breaker lets a probe pass, at least 0: what an HTTP edge answers
// with its 503.
func (e *OpenError) RetryAfter() time.Duration { return max(time.Until(e.Until), 0) }

// Optional reports whether err is the rejection by the breaker of a non-critical dependency, without which the request
// can go on.
func Optional(err error) bool {
	var rejection *OpenError
	return errors.As(err, &rejection) && !rejection.Critical
}

// maxCounted bounds the rejections that are counted between two readings of the signals. A storm of them is what an
// open breaker is for, and in a storm a counter that all processors write to costs more than everything else here.
const maxCounted = 1 << 16

func (b *Breaker) reject() error {
	if b.rejected.Load() < maxCounted {
		b.rejected.Add(1)
	}
	return b.rejection.Load()
}

// countRejected returns the rejections since the start, and makes room for more to be counted. The caller holds mu.
func (b *Breaker) countRejected() uint64 {
	b.rejectedBefore += b.rejected.Swap(0)
	return b.rejectedBefore
}
