package admission

import (
	"container/list"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/falsifiable/stability/internal/adaptive"
)

// Controller admits requests. Make it with [New]. Safe for concurrent use; it has no goroutine and needs no closing.
type Controller struct {
	config  Config
	state   atomic.Uint64 // waiting<<32 | under way
	limiter *adaptive.Limiter
	memory  memory
	epoch   time.Time
	looked  atomic.Int64  // time of the last look at memory and the collector
	relief  atomic.Uint32 // thousandths of the default requests that are shed for the collector
	errors  [priorities][reasons]*ShedError

	shed [priorities][reasons]atomic.Uint64

	mu     sync.Mutex
	queues [priorities]list.List // of *waiter, by rank; together as long as state says
}

// waiter is a request in the queue. Its fields are under mu, but for ready.
type waiter struct {
	rank    int
	place   *list.Element
	ready   chan struct{}
	granted bool // else it was made to leave
}

// New returns a controller, or the error of [Config.Validate].
func New(config Config) (*Controller, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	c := &Controller{config: config.withDefaults(), epoch: time.Now()}
	c.limiter = adaptive.New(c.config.MinLimit, c.config.Limit)
	c.memory.init(c.config)
	for p := range priorities {
		for r := range reasons {
			c.errors[p][r] = &ShedError{p, r}
		}
	}
	return c, nil
}

// Permit is leave to serve one request; give it back with [Permit.Release] or [Permit.ReleaseFailed], exactly once. The zero
// Permit is of no controller.
type Permit struct {
	controller *Controller
	start      time.Duration // since the controller's epoch, if the request is timed; else 0
}

// Acquire admits a request, after a short wait if it must. The error is a [*ShedError], or says that ctx ended.
func (c *Controller) Acquire(ctx context.Context, p Priority) (Permit, error) {
	p = min(p, priorities-1)
	permit := Permit{controller: c}
	if c.limiter.Measure() {
		permit.start = max(time.Since(c.epoch), 1)
	}
	if r, bad := c.pressed(p, permit.start); bad {
		return Permit{}, c.reject(p, r)
	}
	if !c.take() {
		if err := c.wait(ctx, p); err != nil {
			return Permit{}, err
		}
		if permit.start != 0 { // the time in our own queue is not the service's
			permit.start = max(time.Since(c.epoch), 1)
		}
	}
	c.memory.admitted[p].Add(1)
	return permit, nil
}

// pressed reports whether the collector or memory forbid a request. A now of 0 means that the time was not read.
func (c *Controller) pressed(p Priority, now time.Duration) (Reason, bool) {
	if last := c.looked.Load(); now != 0 && int64(now)-last > int64(lookEvery) && c.looked.CompareAndSwap(last, int64(now)) {
		c.memory.look()
		c.steer(now - time.Duration(last))
	}
	if level := c.relief.Load(); level > 0 && (p == Sheddable || p == Default && rand.Uint32N(full) < level) {
		return GarbageCollection, true
	}
	return Memory, c.memory.short(rank[p], int64(uint32(c.state.Load())))
}

// full is all of the default requests, in thousandths.
const full = 1000

// steer moves the share of default requests that is shed for the collector: a tenth more in each second in which it asks
// for less load, up to nine tenths, and a twentieth less in each in which it does not.
func (c *Controller) steer(passed time.Duration) {
	if c.config.Shedding == nil {
		return
	}
	seconds, level := min(passed.Seconds(), 1), float64(c.relief.Load())
	if c.config.Shedding() {
		level = min(level+max(seconds*full/10, 1), 0.9*full)
	} else {
		level -= max(seconds*full/20, 1)
	}
	c.relief.Store(uint32(max(level, 0)))
}

func (c *Controller) reject(p Priority, r Reason) error {
	c.shed[p][r].Add(1)
	return c.errors[p][r]
}

func (c *Controller) take() bool {
	for {
		s := c.state.Load()
		if s>>32 != 0 || int(uint32(s)) >= c.limiter.Limit() {
			return false
		}
		if c.state.CompareAndSwap(s, s+1) {
			return true
		}
	}
}

// wait queues for leave.
func (c *Controller) wait(ctx context.Context, p Priority) error {
	w := c.enqueue(rank[p])
	if w == nil {
		return c.reject(p, Queueing)
	}
	timer := time.NewTimer(c.config.MaxWait)
	defer timer.Stop()
	select {
	case <-w.ready:
		if !w.granted {
			return c.reject(p, Queueing)
		}
		return nil
	case <-timer.C:
		if c.leave(w) {
			return c.reject(p, Queueing)
		} // else it came at the last moment
		return nil
	case <-ctx.Done():
		if !c.leave(w) {
			c.give(c.state.Add(oneLess))
		}
		return fmt.Errorf("admission: waiting: %w", ctx.Err())
	}
}

// room is how many may wait: what is served in half the time that a request takes.
func (c *Controller) room() int { return max(1, c.limiter.Limit()/2) }

// enqueue takes a place in the queue, from a less important request if it must. It returns nil when there is none.
func (c *Controller) enqueue(rank int) *waiter {
	c.mu.Lock()
	defer c.mu.Unlock()
	if int(c.state.Load()>>32) >= c.room() && !c.displace(rank) {
		return nil
	}
	w := &waiter{rank: rank, ready: make(chan struct{})}
	w.place = c.queues[rank].PushBack(w)
	c.state.Add(1 << 32)
	c.grant() // what was given back before the queue could be seen
	return w
}

// displace makes the last of the least important waiters leave for one of that rank. The caller holds mu.
func (c *Controller) displace(rank int) bool {
	for r := len(c.queues) - 1; r > rank; r-- {
		if last := c.queues[r].Back(); last != nil {
			c.remove(last.Value.(*waiter))
			close(last.Value.(*waiter).ready)
			return true
		}
	}
	return false
}

// remove takes a waiter out of the queue. The caller holds mu.
func (c *Controller) remove(w *waiter) {
	c.queues[w.rank].Remove(w.place)
	w.place = nil
	c.state.Add(-(1 << 32) & math.MaxUint64)
}

// leave takes a waiter out of the queue because its time is over; false means that it has been given leave.
func (c *Controller) leave(w *waiter) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w.granted {
		return false
	}
	if w.place != nil {
		c.remove(w)
	}
	return true
}

// grant gives leave to those who are most important, and of these to those who have waited longest. The caller holds mu.
func (c *Controller) grant() {
	for r := range c.queues {
		for c.queues[r].Len() > 0 {
			s := c.state.Load()
			if int(uint32(s)) >= c.limiter.Limit() {
				return
			}
			if c.state.CompareAndSwap(s, s+1-1<<32) {
				w := c.queues[r].Remove(c.queues[r].Front()).(*waiter)
				w.place, w.granted = nil, true
				close(w.ready)
			}
		}
	}
}

// oneLess takes one from those under way.
const oneLess = math.MaxUint64

// give passes on the leave whose return has made the state s.
func (c *Controller) give(s uint64) {
	if uint32(s) == math.MaxUint32 {
		c.state.Add(1) // it was given back twice: there was none to give
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.grant()
}

// Release ends a request that did what it should.
func (p Permit) Release() { p.release(false) }

// ReleaseFailed ends a request that failed: a quick failure is not taken for a quick service.
func (p Permit) ReleaseFailed() { p.release(true) }

func (p Permit) release(failed bool) {
	c := p.controller
	if c == nil {
		return
	}
	s := c.state.Add(oneLess)
	if s>>32 != 0 || uint32(s) == math.MaxUint32 {
		c.give(s)
	}
	if p.start == 0 {
		return
	}
	now := time.Since(c.epoch)
	if c.limiter.Observe(now, now-p.start, int(uint32(s))+1, failed) && c.state.Load()>>32 != 0 {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.grant()
	}
}
