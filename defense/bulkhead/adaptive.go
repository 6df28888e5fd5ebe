package bulkhead

import (
	"math"
	"sync/atomic"
	"time"
)

const (
	// interval is the least time between two steps of an adaptive limit.
	interval = 200 * time.Millisecond
	// minSamples is the least number of calls that a step is based on; with less traffic steps are further apart.
	minSamples = 20
	// tolerance is how many times its best latency the dependency may take before that is called queueing.
	tolerance = 2
	// decrease is what remains of the limit after a slow interval.
	decrease = 0.9
	// relearn is the weight of a new interval when the best latency may rise.
	relearn = 0.1
)

// adaptive moves the limit by additive increase and multiplicative decrease on latency: while the dependency
// answers about as fast as it ever does, and the places are used, there are more of them; when it takes
// twice as long, calls have begun to queue inside it, and there are fewer. That is TCP's rule for an unknown
// path (Chiu and Jain 1989) with delay for the sign of congestion, as in Vegas.
//
// What "as fast as it ever does" means has to be learned, and to be learned anew when the dependency has changed. The best
// latency rises only on evidence that is not of our own making: from intervals that used less than half the places, and
// at the least limit, which can do no better. Otherwise a permanent overload would pass for the normal state.
type adaptive struct {
	calls, total atomic.Int64 // of the present interval; total in nanoseconds
	peak         atomic.Int64 // most places in use
	begun        atomic.Int64 // since the bulkhead's epoch, nanoseconds; who changes it takes the step

	model model // under the bulkhead's mu
}

// model is the pure part.
type model struct {
	least, most int
	limit       int
	best        time.Duration // mean latency of the best interval; 0 before the first
	congested   bool          // has been: no more doubling
}

func newAdaptive(c Config) *adaptive {
	return &adaptive{model: model{least: c.MinLimit, most: c.Limit, limit: c.MinLimit}}
}

// observe takes the latency of a call that has ended, and now and then moves the limit.
func (b *Bulkhead) observe(p Permit, used int, failed bool) {
	a, now := b.adaptive, time.Since(b.epoch)
	latency := now - p.start
	calls, total := a.calls.Load(), a.total.Load()
	if failed && int64(latency)*max(calls, 1) < total {
		return // a failure that is quicker than the mean tells nothing
	}
	calls = a.calls.Add(1)
	a.total.Add(int64(latency))
	for peak := a.peak.Load(); int64(used) > peak && !a.peak.CompareAndSwap(peak, int64(used)); peak = a.peak.Load() {
	}
	begun := a.begun.Load()
	if calls < minSamples || now-time.Duration(begun) < interval || !a.begun.CompareAndSwap(begun, int64(now)) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	mean := time.Duration(a.total.Swap(0) / max(a.calls.Swap(0), 1))
	b.limit.Store(int64(a.model.step(mean, int(a.peak.Swap(0)))))
	b.admit()
}

// step moves the limit after an interval with that mean latency and that many places in use at most.
func (m *model) step(mean time.Duration, peak int) int {
	if m.best == 0 || mean < m.best {
		m.best = mean
	}
	slow := float64(mean) > tolerance*float64(m.best)
	switch {
	case 2*peak < m.limit || slow && m.limit == m.least:
		m.best += time.Duration(relearn * float64(mean-m.best))
	case slow:
		m.congested = true
		m.limit = int(decrease * float64(m.limit))
	case 5*peak < 4*m.limit: // the places are not the bottleneck
	case !m.congested:
		m.limit *= 2
	default:
		m.limit += max(1, int(math.Sqrt(float64(m.limit))))
	}
	return m.bound(m.least, m.most)
}

// bound fits the limit between two others and returns it.
func (m *model) bound(least, most int) int {
	m.least, m.most = least, most
	m.limit = min(max(m.limit, least), most)
	return m.limit
}
