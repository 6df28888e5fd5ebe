package sqldb

import (
	"database/sql"
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

// ask asks another library's pool for its figures, and survives its panic: the other pools must be read all the same.
func (p *pool) ask() (stats sql.DBStats, ok bool) {
	guarded.Call(func() error {
		stats, ok = p.foreign(), true
		return nil
	}, func(error) {})
	return stats, ok
}
