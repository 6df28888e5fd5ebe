package sqldb

import (
	"cmp"
	"database/sql"
	"sync/atomic"
	"time"

	"github.com/falsifiable/stability/internal/guarded"
)

// AcquireStat is what pgxpool.Stat and puddle.Stat tell, of which this package knows nothing else: how often and for how long
// somebody waited because the pool was empty. What they tell of its resources is found by their methods.
type AcquireStat interface {
	EmptyAcquireCount() int64
	EmptyAcquireWaitTime() time.Duration
}

// AcquireStats returns the function that [Pools.WatchFunc] wants for a pool of pgxpool or puddle, by its method Stat:
//
//	pools.WatchFunc("orders", sqldb.AcquireStats(pool.Stat))
//
// A wait is counted when it is over.
func AcquireStats[S AcquireStat](stat func() S) func() sql.DBStats {
	return func() sql.DBStats {
		s := stat()
		d := sql.DBStats{WaitCount: s.EmptyAcquireCount(), WaitDuration: s.EmptyAcquireWaitTime()}
		switch s := any(s).(type) {
		case interface { // pgxpool
			MaxConns() int32
			TotalConns() int32
			AcquiredConns() int32
			IdleConns() int32
		}:
			d.MaxOpenConnections, d.OpenConnections = int(s.MaxConns()), int(s.TotalConns())
			d.InUse, d.Idle = int(s.AcquiredConns()), int(s.IdleConns())
		case interface { // puddle
			MaxResources() int32
			TotalResources() int32
			AcquiredResources() int32
			IdleResources() int32
		}:
			d.MaxOpenConnections, d.OpenConnections = int(s.MaxResources()), int(s.TotalResources())
			d.InUse, d.Idle = int(s.AcquiredResources()), int(s.IdleResources())
		}
		return d
	}
}

// ClickHouseStats returns the function that [Pools.WatchFunc] wants for a connection of clickhouse-go, by its method Stats:
//
//	pools.WatchFunc("events", sqldb.ClickHouseStats(conn.Stats))
//
// What that calls open are the connections in use. It does not tell of waits.
func ClickHouseStats[S ~struct{ MaxOpenConns, MaxIdleConns, Open, Idle int }](stats func() S) func() sql.DBStats {
	return func() sql.DBStats {
		s := struct{ MaxOpenConns, MaxIdleConns, Open, Idle int }(stats())
		return sql.DBStats{MaxOpenConnections: s.MaxOpenConns, OpenConnections: s.Open + s.Idle, InUse: s.Open, Idle: s.Idle}
	}
}

// Events are the figures of a pool that tells its events one by one, as all drivers of MongoDB do and in the same words:
//
//	events := &sqldb.Events{Max: 100} // the client's MaxPoolSize
//	monitor := &event.PoolMonitor{Event: func(e *event.PoolEvent) { events.Add(e.Type, e.Duration) }}
//	pools.WatchFunc("orders", events.Stats)
//
// Safe for concurrent use; it allocates nothing and takes no lock.
type Events struct {
	// Max is how many connections there may be to a server. Defaults to the driver's own default, 100.
	Max int

	open, out, waits, waited atomic.Int64
}

// Add takes an event by its type, and how long what it tells of took; other types than those of connections are ignored. A
// check-out that begins while all connections are out is a wait. The time of one that ends, or fails, counts whether it waited or
// had a connection made.
func (e *Events) Add(kind string, took time.Duration) {
	switch kind {
	case "ConnectionCreated":
		e.open.Add(1)
	case "ConnectionClosed":
		e.open.Add(-1)
	case "ConnectionCheckOutStarted":
		if e.out.Load() >= int64(e.most()) {
			e.waits.Add(1)
		}
	case "ConnectionCheckedOut":
		e.out.Add(1)
		e.waited.Add(int64(took))
	case "ConnectionCheckOutFailed":
		e.waited.Add(int64(took))
	case "ConnectionCheckedIn":
		e.out.Add(-1)
	}
}

func (e *Events) most() int { return cmp.Or(max(e.Max, 0), 100) }

// Stats returns the figures as they are now.
func (e *Events) Stats() sql.DBStats {
	open, out := int(e.open.Load()), int(e.out.Load())
	return sql.DBStats{MaxOpenConnections: e.most(), OpenConnections: open, InUse: out, Idle: max(open-out, 0),
		WaitCount: e.waits.Load(), WaitDuration: time.Duration(e.waited.Load())}
}

// ask asks another library's pool for its figures, and survives its panic: the other pools must be read all the same.
func (p *pool) ask() (stats sql.DBStats, ok bool) {
	guarded.Call(func() error {
		stats, ok = p.foreign(), true
		return nil
	}, func(error) {})
	return stats, ok
}
