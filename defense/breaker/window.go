package breaker

import (
	"sync"
	"sync/atomic"
	"time"
)

const bucketCount = 10

// window counts calls over a rolling stretch of time. Adding reads no clock: a timer turns the wheel, which runs only
// while there is something in the buckets, so an idle breaker costs nothing and need not be closed.
type window struct {
	current atomic.Uint32 // index of the bucket that is being filled
	buckets [bucketCount]bucket
	width   atomic.Int64 // of a bucket, nanoseconds

	mu    sync.Mutex
	timer *time.Timer // nil until the first call
	armed bool
	gone  counts // what has left the buckets
}

// bucket holds the calls of one step of the window. Calls and failures share a word so that a call
// costs one atomic addition; both have 32 bits, which maxWindow keeps from overflowing.
type bucket struct {
	word atomic.Uint64 // calls<<32 | failures
	slow atomic.Uint32
}

// counts of calls: all, failed, slow.
type counts struct{ calls, failures, slow uint64 }

func (c *counts) add(other counts) {
	c.calls += other.calls
	c.failures += other.failures
	c.slow += other.slow
}

func (b *bucket) read() counts {
	word := b.word.Load()
	return counts{word >> 32, word & (1<<32 - 1), uint64(b.slow.Load())}
}

func (b *bucket) take() counts {
	word := b.word.Swap(0)
	return counts{word >> 32, word & (1<<32 - 1), uint64(b.slow.Swap(0))}
}

// add counts one call. An adder that was interrupted between finding its bucket and adding may hit one that is older by
// then; nothing is lost.
func (w *window) add(failed, slow bool) {
	b := &w.buckets[w.current.Load()]
	if slow {
		b.slow.Add(1)
	}
	one := uint64(1) << 32
	if failed {
		one++
	}
	if b.word.Add(one)>>32 == 1 {
		w.arm() // the first call of a bucket
	}
}

// arm starts the timer unless it runs.
func (w *window) arm() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.armed {
		return
	}
	w.armed = true
	if width := time.Duration(w.width.Load()); w.timer == nil {
		w.timer = time.AfterFunc(width, w.turn)
	} else {
		w.timer.Reset(width)
	}
}

// turn begins a new bucket, in the place of the oldest. With nothing left to forget it stops the wheel; a call that
// comes at this very moment finds its bucket empty and arms it anew.
func (w *window) turn() {
	w.mu.Lock()
	defer w.mu.Unlock()
	next := (w.current.Load() + 1) % bucketCount
	w.gone.add(w.buckets[next].take())
	w.current.Store(next)
	if w.armed = w.sum().calls > 0; w.armed {
		w.timer.Reset(time.Duration(w.width.Load()))
	}
}

// sum returns what is in the window.
func (w *window) sum() (total counts) {
	for i := range w.buckets {
		total.add(w.buckets[i].read())
	}
	return total
}

// empty forgets what is in the window; [window.ever] still knows it.
func (w *window) empty() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.buckets {
		w.gone.add(w.buckets[i].take())
	}
}

// countOutside counts a call which the window is not to hold: a probe, or one that ended too late to matter.
func (w *window) countOutside(failed, slow bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone.add(counts{1, count(failed), count(slow)})
}

func count(yes bool) uint64 {
	if yes {
		return 1
	}
	return 0
}

// ever returns what was counted since the start.
func (w *window) ever() counts {
	w.mu.Lock()
	defer w.mu.Unlock()
	total := w.gone
	total.add(w.sum())
	return total
}
