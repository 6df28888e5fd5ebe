package sqldb

import (
	"database/sql"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"github.com/falsifiable/stability/internal/capped"
	"github.com/falsifiable/stability/internal/latency"
	"github.com/falsifiable/stability/internal/timescale"
	"github.com/falsifiable/stability/signals"
)

// maxWalk bounds how many held connections one reading looks at, so that the lock is held for microseconds only even
// when a pool without a limit has leaked thousands.
const maxWalk = 256

// pool is one database.
type pool struct {
	name    string
	labels  signals.Labels
	config  Config
	epoch   time.Time
	db      weak.Pointer[sql.DB] // an open one is held by its own goroutine
	wrapped bool                 // there is more to read than DBStats
	foreign func() sql.DBStats   // of another library's pool, which db is nil for

	made, failed atomic.Uint64
	statements   atomic.Int64
	create, use  latency.Histogram

	mu   sync.Mutex
	ring hold  // of the connections held; its next is held longest
	uses int64 // that are over
	used time.Duration

	survey survey // belongs to the sampling goroutine
}

// survey is the memory that readings reuse.
type survey struct {
	waits      int64
	waited     time.Duration
	grown, all latency.Counts
	late       []late
	sites      [kindCount]*capped.Set[site] // that were ever overdue
	names      map[stack]string
}

// late is one overdue connection.
type late struct {
	kind  kind
	stack stack
}

// site is a place in the code that took connections and held them too long.
type site struct {
	labels signals.Labels
	now    int           // connections overdue at this reading
	used   time.Duration // when there was one last, since the pool's epoch
}

// forgottenAfter is how long a place in the code keeps its reading without an overdue connection, when another wants it.
const forgottenAfter = 10 * time.Minute

func newPool(name string, config Config, epoch time.Time) *pool {
	p := &pool{name: name, labels: signals.NewLabels("pool", name), config: config, epoch: epoch}
	p.ring.next, p.ring.prev = &p.ring, &p.ring
	p.survey.names = make(map[stack]string)
	for k := range p.survey.sites {
		make := func(place string) *site {
			return &site{labels: signals.NewLabels("pool", name, "kind", kind(k).String(), "site", place), used: time.Since(epoch)}
		}
		p.survey.sites[k] = capped.New(config.MaxSites, make(signals.Other), make)
		p.survey.sites[k].Evict(capped.Eviction[site]{
			Idle:    func(s *site) (free, forgotten bool) { return s.now == 0, time.Since(epoch)-s.used >= forgottenAfter },
			Evicted: func(*site) {}, // a gauge leaves nothing behind
		})
	}
	return p
}

func (p *pool) sample(dst *signals.Batch, stats sql.DBStats) {
	p.sampleStats(dst, stats)
	if !p.wrapped {
		return
	}
	dst.AddInstance(signals.SQLDB.Created, p.labels, float64(p.made.Load()))
	dst.AddInstance(signals.SQLDB.CreateErrors, p.labels, float64(p.failed.Load()))
	p.sampleLatency(dst, signals.SQLDB.CreateP99, &p.create)
	p.sampleLatency(dst, signals.SQLDB.UseP99, &p.use)
	dst.AddInstance(signals.SQLDB.Statements, p.labels, float64(p.statements.Load()))
	p.sampleHolds(dst)
}

func (p *pool) sampleStats(dst *signals.Batch, stats sql.DBStats) {
	if stats.MaxOpenConnections > 0 {
		dst.AddInstance(signals.SQLDB.Max, p.labels, float64(stats.MaxOpenConnections))
	}
	dst.AddInstance(signals.SQLDB.Open, p.labels, float64(stats.OpenConnections))
	dst.AddInstance(signals.SQLDB.InUse, p.labels, float64(stats.InUse))
	dst.AddInstance(signals.SQLDB.Idle, p.labels, float64(stats.Idle))
	dst.AddInstance(signals.SQLDB.WaitCount, p.labels, float64(stats.WaitCount))
	dst.AddInstance(signals.SQLDB.WaitDuration, p.labels, stats.WaitDuration.Seconds())
	dst.AddInstance(signals.SQLDB.ClosedMaxIdle, p.labels, float64(stats.MaxIdleClosed))
	dst.AddInstance(signals.SQLDB.ClosedIdleTime, p.labels, float64(stats.MaxIdleTimeClosed))
	dst.AddInstance(signals.SQLDB.ClosedLifetime, p.labels, float64(stats.MaxLifetimeClosed))

	// A wait is counted when it begins and its time when it ends. So there is no mean before a wait has ended, and it is
	// off by those that straddle the reading.
	s := &p.survey
	waits, waited := stats.WaitCount-s.waits, stats.WaitDuration-s.waited
	if waited > 0 {
		dst.AddInstance(signals.SQLDB.WaitMean, p.labels, waited.Seconds()/float64(max(waits, 1)))
	}
	s.waits, s.waited = stats.WaitCount, stats.WaitDuration
}

func (p *pool) sampleLatency(dst *signals.Batch, signal *signals.Signal, h *latency.Histogram) {
	if total := h.Take(&p.survey.grown, &p.survey.all); total > 0 {
		dst.AddInstance(signal, p.labels, p.survey.grown.Quantile(0.99, total))
	}
}

// sampleHolds reads who holds connections, and for how long. Names are found outside of the lock.
func (p *pool) sampleHolds(dst *signals.Batch) {
	s := &p.survey
	now := time.Since(p.epoch)
	oldest := now
	limit := timescale.Scale(p.config.HoldLimit, timescale.Factor()) // not before: a pool may be older than the scale
	walked := 0
	p.mu.Lock()
	for h := p.ring.next; h != &p.ring && walked < maxWalk; h = h.next {
		oldest = min(oldest, h.since)
		if now-h.since < limit {
			break // all that follow are younger
		}
		s.late = append(s.late, late{h.kind(), h.stack})
		walked++
	}
	p.mu.Unlock()
	dst.AddInstance(signals.SQLDB.HeldOldest, p.labels, (now - oldest).Seconds())
	for _, l := range s.late {
		at := s.sites[l.kind].Get(p.place(l.stack))
		at.now, at.used = at.now+1, now
	}
	s.late = s.late[:0]
	for _, sites := range s.sites {
		for _, site := range sites.List() {
			p.sampleSite(dst, site)
		}
		p.sampleSite(dst, sites.Other()) // always, so that a check on a healthy pool is not Unknown
	}
}

func (p *pool) sampleSite(dst *signals.Batch, s *site) {
	dst.AddInstance(signals.SQLDB.Overdue, s.labels, float64(s.now)) // 0 once it has recovered
	s.now = 0
}

// place returns the name of a stack's place, and remembers so many as can matter.
func (p *pool) place(s stack) string {
	if name, ok := p.survey.names[s]; ok {
		return name
	}
	name := s.place()
	if len(p.survey.names) < 16*p.config.MaxSites {
		p.survey.names[s] = name
	}
	return name
}
