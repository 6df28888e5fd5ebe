package fault

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"time"
)

// Life is the time that one injection lasts: from Begin until End or until its context is done. Safe for concurrent
// use.
type Life struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// Begin runs an injection on a goroutine of its own. run injects, waits for its context to be done, releases
// everything and returns: what it acquires and what it gives back stand in one function.
func Begin(ctx context.Context, run func(ctx context.Context)) *Life {
	ctx, cancel := context.WithCancel(ctx)
	life := &Life{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(life.done)
		defer cancel()
		run(ctx)
	}()
	return life
}

// End ends the injection and waits until it has released everything, or until ctx is done. It is idempotent.
func (l *Life) End(ctx context.Context) error {
	l.cancel()
	select {
	case <-l.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("fault: removing: not everything is released yet: %w", ctx.Err())
	}
}

// Ended reports whether everything has been released.
func (l *Life) Ended() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

// beat is the distance between two steps of Pace: fine enough for a smooth rise, coarse enough to cost nothing.
const beat = 10 * time.Millisecond

// Pace calls step again and again, each time with how many things have become due since: rate per second, until the total is
// reached or ctx is done. It reports whether the total was reached.
func Pace(ctx context.Context, rate float64, total int, step func(n int)) bool {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	begun := time.Now()
	for done := 0; done < total; {
		select {
		case <-ctx.Done():
			return false
		case <-ticker.C:
		}
		due := min(math.Floor(rate*time.Since(begun).Seconds()), float64(total)) - float64(done)
		if due >= 1 {
			step(int(due))
			done += int(due)
		}
	}
	return true
}

// Gate counts the goroutines that a fault holds, bounds them, and lets no more in once it is shut. It takes no
// lock, because a fault's bookkeeping must not show in the signals that the fault is there to move.
// Safe for concurrent use; make one by NewGate.
type Gate struct {
	state atomic.Int64 // how many are inside, and shut
	limit int64
	empty chan struct{}
}

const shut = 1 << 62

// NewGate returns an open gate that holds at most limit goroutines.
func NewGate(limit int) *Gate {
	return &Gate{limit: int64(limit), empty: make(chan struct{})}
}

// Enter reports whether there was room inside an open gate. Whoever entered must leave.
func (g *Gate) Enter() bool {
	for {
		s := g.state.Load()
		if s&shut != 0 || s >= g.limit {
			return false
		}
		if g.state.CompareAndSwap(s, s+1) {
			return true
		}
	}
}

// Leave undoes one Enter.
func (g *Gate) Leave() {
	if g.state.Add(-1) == shut {
		close(g.empty)
	}
}

// Inside returns how many are inside.
func (g *Gate) Inside() int { return int(g.state.Load() &^ shut) }

// Shut closes the gate for good and returns how many are inside. It must be called once.
func (g *Gate) Shut() int {
	inside := int(g.state.Or(shut))
	if inside == 0 {
		close(g.empty)
	}
	return inside
}

// Empty is closed when the gate is shut and everybody has left.
func (g *Gate) Empty() <-chan struct{} { return g.empty }

// Dice draws random numbers from an order's seed. Drawing takes no lock, so the n-th draw is the same in every run
// but which goroutine gets it is up to the scheduler. Safe for concurrent use.
type Dice struct {
	seed uint64
	n    atomic.Uint64
}

// Dice returns the dice of an injection.
func (a Args) Dice() *Dice { return &Dice{seed: a.Seed} }

// Float64 draws from [0, 1).
func (d *Dice) Float64() float64 {
	// SplitMix64 (Steele, Lea, Flood 2014): a counter put through a mixer, which is all that stateless draws need.
	z := d.seed + d.n.Add(1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return float64((z^z>>31)>>11) / (1 << 53)
}

// Hit reports true for that share of the draws.
func (d *Dice) Hit(share float64) bool { return d.Float64() < share }

// Toll hits a share of all that passes it, and counts. Safe for concurrent use. Make one with [Args.Toll].
type Toll struct {
	share      float64
	dice       *Dice
	seen, hits atomic.Int64
}

// Toll returns the toll of an injection whose parameter "share" says how many are hit.
func (a Args) Toll() *Toll { return &Toll{share: a.Number("share"), dice: a.Dice()} }

// Hit counts one more that passes, and reports whether it is hit.
func (t *Toll) Hit() bool {
	t.seen.Add(1)
	if !t.dice.Hit(t.share) {
		return false
	}
	t.hits.Add(1)
	return true
}

// Counts returns how many were hit, of how many that passed.
func (t *Toll) Counts() (hits, seen int64) { return t.hits.Load(), t.seen.Load() }
