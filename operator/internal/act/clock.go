// Package act does what package budget has decided: it reads what there is, keeps the ledger, and takes one step at a time.
package act

import (
	"net/http"
	"sync/atomic"
	"time"
)

// Clock knows how far the operator's clock is from the API server's, by the Date of each answer. Its zero value is of use.
type Clock struct {
	behind atomic.Int64 // nanoseconds that the server's clock is ahead
	at     atomic.Int64 // local nanoseconds
	// Now defaults to time.Now.
	Now func() time.Time
}

// heard is how long an answer's date counts.
const heard = 5 * time.Minute

// Local returns the operator's time.
func (c *Clock) Local() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

// Server returns the API server's time, zero if it has not been heard of lately. Dates are of whole seconds.
func (c *Clock) Server() time.Time {
	now := c.Local()
	if at := c.at.Load(); at == 0 || now.Sub(time.Unix(0, at)).Abs() > heard {
		return time.Time{}
	}
	return now.Add(time.Duration(c.behind.Load()))
}

// Wrap makes a client's transport note the dates.
func (c *Clock) Wrap(next http.RoundTripper) http.RoundTripper { return &dated{c, next} }

type dated struct {
	clock *Clock
	next  http.RoundTripper
}

// RoundTrip notes the date of the answer.
func (d *dated) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := d.next.RoundTrip(r)
	if err == nil {
		if date, bad := http.ParseTime(answer.Header.Get("Date")); bad == nil {
			now := d.clock.Local()
			d.clock.behind.Store(int64(date.Add(500 * time.Millisecond).Sub(now)))
			d.clock.at.Store(now.UnixNano())
		}
	}
	return answer, err
}
