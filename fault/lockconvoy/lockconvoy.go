package lockconvoy

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/falsifiable/stability/fault"
)

// Fault is the declaration of this fault.
var Fault = fault.Fault{
	Name:  "lockconvoy",
	Title: "Lock convoy",
	Help: "Makes goroutines queue on one mutex that is held across a wait. " +
		"In requests it needs the middleware of signals/httpserver and load.",
	Params: []fault.Param{
		{
			Name: "where", Choices: []string{"goroutines", "requests"},
			Help: "Who queues: goroutines of the fault's own, or the service's requests.",
		},
		{
			Name: "hold", Unit: fault.Seconds, Default: 0.02, Min: 0.0001, Max: 10,
			Help: "How long each holder keeps the lock.",
		},
		{
			Name: "waiters", Default: 64, Min: 2, Max: 10_000,
			Help: "Goroutines in the convoy; of requests, the most that queue at once, further ones pass " +
				"untouched.",
		},
		{
			Name: "share", Unit: fault.Ratio, Default: 1, Min: 0.001, Max: 1,
			Help: "Share of the requests that take the lock.",
		},
	},
	Effects: []fault.Effect{
		// A wait is counted when it ends: the first for real, and later ones a turn of the queue late.
		{Signal: "go.mutex.wait", When: own, Move: fault.Grow, By: fault.Of("waiters").Scaled(0.8), After: fault.Of("hold", "waiters")},
		{Signal: "go.goroutine.count", When: own, Side: true, Move: fault.Raise, By: fault.Of("waiters")},
		{Signal: "go.goroutine.waiting", When: own, Side: true, Move: fault.Raise, By: fault.Of("waiters")},
	},
	Presets: []fault.Settings{{"hold": "2ms"}},
	Start:   start,
}

var own = map[string]string{"where": "goroutines"}

type convoy struct {
	*fault.Life
	hold   time.Duration
	share  float64
	dice   *fault.Dice
	held   *fault.Gate // whoever holds the lock or waits for it
	mu     sync.Mutex
	taken  atomic.Int64
	begun  time.Time
	waited float64 // the runtime's count before
}

func start(ctx context.Context, args fault.Args) (fault.Injection, error) {
	c := &convoy{
		hold:   args.Duration("hold"),
		share:  args.Number("share"),
		dice:   args.Dice(),
		held:   fault.NewGate(args.Int("waiters")),
		begun:  time.Now(),
		waited: fault.Metric(fault.MutexWait),
	}
	c.Life = fault.Begin(ctx, func(ctx context.Context) {
		if args.Choice("where") == "requests" {
			defer fault.Serving(fault.HTTP, func(context.Context) { c.request(ctx) })()
		} else {
			for range args.Int("waiters") {
				c.held.Enter()
				go c.crowd(ctx)
			}
		}
		<-ctx.Done()
		c.held.Shut()
		<-c.held.Empty()
	})
	return c, nil
}

func (c *convoy) crowd(ctx context.Context) {
	defer c.held.Leave()
	for ctx.Err() == nil {
		c.pass(ctx)
	}
}

func (c *convoy) request(ctx context.Context) {
	if c.dice.Hit(c.share) && c.held.Enter() {
		defer c.held.Leave()
		c.pass(ctx)
	}
}

// pass queues for the lock and holds it across a wait, which is the mistake.
func (c *convoy) pass(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken.Add(1)
	timer := time.NewTimer(c.hold)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// Witness tells how much time goroutines have lost on mutexes since the fault began, per second, by the runtime's own
// count: about waiters-1 in a full convoy. The runtime counts a wait when it ends and times one goroutine in eight,
// so the figure is rough and late by a turn of the queue.
func (c *convoy) Witness() fault.Witness {
	lost := fault.Metric(fault.MutexWait) - c.waited
	elapsed := time.Since(c.begun).Seconds()
	return fault.Witness{
		Active: c.held.Inside() > 1 && lost > 0.2*elapsed,
		Value:  lost / math.Max(elapsed, 1e-9),
		Unit:   fault.Ratio,
		Detail: fmt.Sprintf("%d in the convoy, the lock was taken %d times; goroutines lost %.3g s on mutexes in %.3g s",
			c.held.Inside(), c.taken.Load(), lost, elapsed),
	}
}

// Remove dissolves the convoy and waits until everybody is through.
func (c *convoy) Remove(ctx context.Context) (fault.Residue, error) {
	err := c.End(ctx)
	return fault.Residue{Value: float64(c.held.Inside())}, err
}
