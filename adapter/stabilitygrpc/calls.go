package stabilitygrpc

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/falsifiable/stability/internal/latency"
	"github.com/falsifiable/stability/signals"
)

// call is one call under way: an attempt of a client, a handler of a server.
type call struct {
	calls      *calls
	prev, next *call
	start      time.Duration // since the owner's epoch
	onWire     bool          // has a stream
	stream     bool          // lasts as long as its two ends wish: that is no latency

	// Of a server's call:
	method string
	conn   *serverConn
	excess bool // beyond the limit
}

// calls counts the calls to one peer, or of one method. What stands below the mutex is guarded by it.
type calls struct {
	labels      signals.Labels
	errors      atomic.Uint64
	unavailable atomic.Uint64
	latency     latency.Histogram

	mu     sync.Mutex
	begun  uint64
	active int
	onWire int
	last   time.Duration // when the latest began
	ring   call          // its next is the oldest
}

func (s *calls) init(labels signals.Labels) {
	s.labels = labels
	s.ring.next, s.ring.prev = &s.ring, &s.ring
}

// begin adds a call to those under way.
func (s *calls) begin(c *call, epoch time.Time) {
	c.calls = s
	s.mu.Lock()
	defer s.mu.Unlock()
	c.start = time.Since(epoch) // under the lock, so that the ring is in order
	s.last = c.start
	s.begun++
	s.active++
	c.prev, c.next = s.ring.prev, &s.ring
	c.prev.next, s.ring.prev = c, c
}

// sent notes that a call has its stream.
func (s *calls) sent(c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.next != nil && !c.onWire {
		c.onWire = true
		s.onWire++
	}
}

// end takes a call out of those under way, and reports whether it was one.
func (s *calls) end(c *call, epoch time.Time, code codes.Code) bool {
	s.mu.Lock()
	if c.next == nil {
		s.mu.Unlock()
		return false
	}
	s.active--
	if c.onWire {
		s.onWire--
	}
	c.prev.next, c.next.prev = c.next, c.prev
	c.prev, c.next = nil, nil // a call that is kept must not keep others
	s.mu.Unlock()
	if !c.stream {
		s.latency.Add(time.Since(epoch) - c.start)
	}
	if isTrouble(code) {
		s.errors.Add(1)
	}
	if code == codes.Unavailable {
		s.unavailable.Add(1)
	}
	return true
}

// reading is what calls have come to.
type reading struct {
	begun, errors, unavailable, latencies uint64
	active, onWire                        int
	first                                 time.Duration // start of the oldest under way
	p99                                   float64       // if latencies is not 0
}

// survey is the memory that readings reuse. It belongs to the sampling goroutine.
type survey struct {
	grown latency.Counts // of one calls since the last reading
	all   latency.Counts // and of all
}

// read returns what there is to know at the time now, and adds it to all.
func (s *calls) read(now time.Duration, memory *survey, all *reading) (r reading) {
	s.mu.Lock()
	r.begun, r.active, r.onWire, r.first = s.begun, s.active, s.onWire, now
	if s.active > 0 {
		r.first = min(s.ring.next.start, now) // one begun after now is 0 old
	}
	s.mu.Unlock()
	r.errors, r.unavailable = s.errors.Load(), s.unavailable.Load()
	if r.latencies = s.latency.Take(&memory.grown, &memory.all); r.latencies > 0 {
		r.p99 = memory.grown.Quantile(0.99, r.latencies)
	}
	all.begun += r.begun
	all.active += r.active
	all.errors += r.errors
	all.latencies += r.latencies
	all.first = min(all.first, r.first)
	return r
}

// callKey finds the call in the context that gRPC hands to a stats.Handler.
type callKey struct{}

func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}
