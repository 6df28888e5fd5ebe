// Package adaptive finds how many calls at once a dependency, or the service itself, can use, without settings: the
// mechanism behind adaptive bulkheads and admission control.
//
// A limit that follows latency alone has one disease: it must know what latency is normal, and whatever it believes drifts.
// What tells congestion from slowness is throughput: with a quarter fewer calls under way, a congested server does as much
// as before, and a server that is merely slow does a quarter less. So latency is only what raises the suspicion, as
// in TCP Vegas; then the limit is cut, which is right if it is congestion, and throughput decides whether the cut stays or
// goes. What is normal is learned from that verdict and from times of little load, never from a crowd of our own making.
//
// Latencies have heavy tails, so each comparison is made against its own standard error and waits for more calls if need be.
package adaptive

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// interval is the least time between two samples, and hasty that before the first congestion: a service that has just
	// been started must not turn its callers away for seconds.
	interval, hasty = 200 * time.Millisecond, 50 * time.Millisecond
	// minCalls is the least number of calls measured in a sample; with less traffic samples take longer.
	minCalls = 20
	// enough is how many calls a second are measured; of more only a share, chosen by chance, for timing a call costs more
	// than all the rest.
	enough = 5000
	// stale is how old an unfinished sample may be: a burst after an idle night must not be averaged with the night.
	stale = 30 * time.Second
)

// Limiter measures calls and moves a limit. Make it with [New]. Safe for concurrent use.
type Limiter struct {
	limit atomic.Int64
	every atomic.Uint32 // one of so many calls is measured
	pace  atomic.Int64  // nanoseconds between two samples, at least

	calls, total, squares atomic.Int64 // of the present sample: nanoseconds, and microseconds squared
	peak                  atomic.Int64 // most calls under way
	begun                 atomic.Int64 // nanoseconds; who changes it takes the step

	mu    sync.Mutex
	model Model
}

// New returns a limiter that begins at least and never leaves least to most.
func New(least, most int) *Limiter {
	l := &Limiter{model: Model{Least: least, Most: most, Limit: least}}
	l.every.Store(1)
	l.pace.Store(int64(hasty))
	l.limit.Store(int64(least))
	return l
}

// Limit returns the present limit.
func (l *Limiter) Limit() int { return int(l.limit.Load()) }

// Bound changes the bounds and returns the limit, which is within them.
func (l *Limiter) Bound(least, most int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.model.Least, l.model.Most = least, most
	l.model.Limit = min(max(l.model.Limit, least), most)
	l.limit.Store(int64(l.model.Limit))
	return l.model.Limit
}

// Measure reports whether the call that begins now is to be timed and, at its end, observed. It costs some nanoseconds.
func (l *Limiter) Measure() bool {
	every := l.every.Load()
	return every == 1 || rand.Uint32N(every) == 0
}

// Observe takes a call that has ended, at that time and after that latency, while that many were under way. It reports
// whether the limit has moved. Times are since any one moment.
func (l *Limiter) Observe(now, latency time.Duration, underWay int, failed bool) bool {
	if failed {
		if calls := l.calls.Load(); int64(latency)*max(calls, 1) < l.total.Load() {
			return false // a failure that is quicker than the mean tells nothing of the work
		}
	}
	calls := l.calls.Add(1)
	l.total.Add(int64(latency))
	us := min(latency, 10*time.Second).Microseconds()
	l.squares.Add(us * us)
	for peak := l.peak.Load(); int64(underWay) > peak && !l.peak.CompareAndSwap(peak, int64(underWay)); peak = l.peak.Load() {
	}
	begun := l.begun.Load()
	if calls < minCalls || int64(now)-begun < l.pace.Load() || !l.begun.CompareAndSwap(begun, int64(now)) {
		return false
	}
	return l.step(now - time.Duration(begun))
}

// step ends the sample.
func (l *Limiter) step(elapsed time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	calls, total, squares := float64(l.calls.Swap(0)), float64(l.total.Swap(0))/1e9, float64(l.squares.Swap(0))/1e12
	peak := int(l.peak.Swap(0))
	if elapsed > stale || calls == 0 {
		return false
	}
	every := l.every.Load()
	all := calls * float64(every)
	limit := l.model.Step(Sample{Measured: calls, Calls: all, Total: total, Squares: squares, Peak: peak, Elapsed: elapsed.Seconds()})
	if want := uint32(1) << bits.Len32(uint32(all/elapsed.Seconds()/enough)); want > every || want < every/2 {
		l.every.Store(want)
	}
	if l.model.congested {
		l.pace.Store(int64(interval))
	}
	return l.limit.Swap(int64(limit)) != int64(limit)
}

// Sample is what was measured of some calls.
type Sample struct {
	Measured       float64 // calls
	Calls          float64 // with those that were not measured
	Total, Squares float64 // of the latencies measured: seconds, and seconds squared
	Peak           int     // most calls under way
	Elapsed        float64 // seconds
}

func (s *Sample) add(o Sample) {
	s.Measured += o.Measured
	s.Calls += o.Calls
	s.Total += o.Total
	s.Squares += o.Squares
	s.Peak = max(s.Peak, o.Peak)
	s.Elapsed += o.Elapsed
}

// mean returns the mean latency and its standard error.
func (s *Sample) mean() (mean, deviation float64) {
	mean = s.Total / s.Measured
	return mean, math.Sqrt(max(s.Squares/s.Measured-mean*mean, 0) / s.Measured)
}

// underWay is the mean number of calls under way (Little's law).
func (s *Sample) underWay() float64 { return s.Total / s.Measured * s.Calls / s.Elapsed }

func (s *Sample) throughput() float64 { return s.Calls / s.Elapsed }
