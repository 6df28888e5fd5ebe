package admission

import (
	"math"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"

	"github.com/falsifiable/stability/signals/cgroup"
)

// lookEvery is the time between two looks at memory while requests come in. In between each admission is counted, so a burst
// is not outrun.
const lookEvery = 5 * time.Millisecond

// shares of the limit beyond which requests of a rank are shed.
var shares = [priorities]float64{0.97, 0.9, 0.8}

// heap is what the runtime knows, in bytes.
type heap struct {
	collections float64
	live        float64 // by the last collection
	other       float64 // of the runtime, that is no heap
	used        float64 // all that is mapped and not returned
	allocated   float64 // since the start
	limit       float64 // memory limit, +Inf for none
}

// memory knows how many more requests fit into it.
type memory struct {
	admitted [priorities]atomic.Uint64
	settled  atomic.Uint64 // admitted until the last collection that was seen
	relooked atomic.Int64  // when somebody last looked before turning a request away
	// spare is how many requests admitted since the last collection may be under way, by rank.
	spare [priorities]atomic.Int64

	mu      sync.Mutex
	cgroup  *cgroup.Reader
	heap    func() heap
	last    heap
	counted int64   // since, at the last look
	each    float64 // bytes that a request allocates, on average
	total   int64   // admitted, for that average
}

func (m *memory) init(c Config) {
	m.cgroup, m.heap = c.Cgroup, c.heap
	m.last = m.heap()
	for r := range m.spare {
		m.spare[r].Store(math.MaxInt64)
	}
	m.look()
}

// since is how many requests were admitted since the last collection that was seen.
func (m *memory) since() int64 {
	return int64(m.admitted[Default].Load() + m.admitted[Critical].Load() + m.admitted[Sheddable].Load() - m.settled.Load())
}

// short reports whether there is no memory for a request of that rank while that many are under way.
func (m *memory) short(rank int, underWay int64) bool {
	if m.fits(rank, underWay) {
		return false
	}
	// Look before anybody is turned away; but not everybody at once.
	if now := time.Now().UnixNano(); now-m.relooked.Load() > int64(time.Millisecond) && m.mu.TryLock() {
		m.relooked.Store(now)
		m.read()
		m.mu.Unlock()
	}
	return !m.fits(rank, underWay)
}

// fits counts who was admitted since the last collection and is still under way: the others are part of what it found
// live, or have ended and hold nothing any more.
func (m *memory) fits(rank int, underWay int64) bool {
	return min(m.since(), underWay) < m.spare[rank].Load()
}

// look reads what is live and what limits it, and settles how many requests more would fit.
func (m *memory) look() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.read()
}

// read is look for who holds mu.
func (m *memory) read() {
	now := m.heap()
	since := m.since()
	if fresh := since - m.counted; fresh > 0 {
		each := (now.allocated - m.last.allocated) / float64(fresh)
		weight := min(1, float64(fresh)/float64(min(m.total, 1000)+fresh))
		m.each += weight * (each - m.each)
		m.total += fresh
	}
	if m.counted = since; now.collections != m.last.collections {
		m.settled.Add(uint64(since))
		m.counted = 0
	}
	m.last = now
	limit, held := now.limit, now.live+now.other
	if in := m.cgroup.Read().Memory; in.Limit.State == cgroup.Limited && !math.IsNaN(in.Headroom) {
		limit = in.Limit.Value
		held += max(limit-in.Headroom-now.used, 0)
	}
	for r := range m.spare {
		m.spare[r].Store(requests(shares[r]*limit-held, m.each))
	}
}

// requests returns how many requests fit into so many bytes.
func requests(bytes, each float64) int64 {
	switch {
	case bytes <= 0:
		return 0
	case each <= 0 || bytes/each > math.MaxInt32:
		return math.MaxInt64
	default:
		return int64(bytes / each)
	}
}

// newHeapReader returns a function that reads the runtime without stopping it.
func newHeapReader() func() heap {
	const classes = "/memory/classes/"
	samples := []metrics.Sample{
		{Name: classes + "total:bytes"}, {Name: classes + "heap/released:bytes"}, {Name: classes + "heap/free:bytes"},
		{Name: classes + "heap/objects:bytes"}, {Name: classes + "heap/unused:bytes"}, {Name: "/gc/heap/live:bytes"},
		{Name: "/gc/cycles/total:gc-cycles"}, {Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/gomemlimit:bytes"},
	}
	return func() heap {
		metrics.Read(samples)
		v := func(i int) float64 { return float64(samples[i].Value.Uint64()) }
		h := heap{used: v(0) - v(1), live: v(5), collections: v(6), allocated: v(7), limit: v(8)}
		h.other = h.used - v(2) - v(3) - v(4)
		if h.limit >= math.MaxInt64 {
			h.limit = math.Inf(1)
		}
		return h
	}
}
