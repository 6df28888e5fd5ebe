// Package sqldb reads pools of database/sql (docs/guide/whitepaper.md §3.3): every field of sql.DBStats, and, through a wrapper around
// the driver, what DBStats cannot tell: how long connections take to be made, how long they are held, and who holds
// them too long.
//
//	pools := sqldb.New(sqldb.Config{})
//	monitor.Attach(pools)
//	db, err := pools.Open("orders", "pgx", dsn)
//
// A leak of database/sql is no missing db.Close: a DB lives as long as the process. What leaks are Rows, Tx and
// Conn that nobody closes. Each keeps its connection for good, and neither ConnMaxLifetime nor the garbage collector takes
// it back; so the wrapper notes who took a connection and when.
package sqldb

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"slices"
	"sync"
	"time"
	"weak"

	"github.com/falsifiable/stability/internal/openpools"
	"github.com/falsifiable/stability/signals"
)

// Config configures [Pools]. The zero value is useful.
type Config struct {
	// HoldLimit is how long a connection may be held, by a query's rows, a transaction or a sql.Conn, before it counts
	// as overdue. Defaults to 30 s. Under stability falsify it is compressed with the times of the contracts.
	HoldLimit time.Duration
	// MaxSites caps the places in the code that have a reading of their own for overdue connections, in each pool; the
	// rest share that of [signals.Other]. Defaults to 16.
	MaxSites int
	// MaxPools caps the pools that are read, which a service with a database for each tenant would have thousands of: those
	// that were opened first and are still open. Defaults to 100.
	MaxPools int
}

// Pools follows database pools and is the [signals.Source] of [signals.SQLDB]. Safe for concurrent use; make one
// with [New].
type Pools struct {
	config Config
	epoch  time.Time

	mu    sync.Mutex
	pools []*pool // in order of their names' first appearance
}

// New returns a source that follows no pool yet.
func New(config Config) *Pools {
	if config.HoldLimit <= 0 {
		config.HoldLimit = 30 * time.Second
	}
	if config.MaxSites <= 0 {
		config.MaxSites = 16
	}
	if config.MaxPools <= 0 {
		config.MaxPools = 100
	}
	return &Pools{config: config, epoch: time.Now()}
}

// Open opens a database as sql.Open does, with the driver wrapped, and follows it under the name pool. The driver must
// have been registered. A name that was in use now means the new pool.
func (p *Pools) Open(pool, driverName, dataSourceName string) (*sql.DB, error) {
	plain, err := sql.Open(driverName, dataSourceName) // connects to nothing yet
	if err != nil {
		return nil, fmt.Errorf("sqldb: opening pool %s: %w", pool, err)
	}
	d := plain.Driver()
	if err := plain.Close(); err != nil {
		return nil, fmt.Errorf("sqldb: opening pool %s: %w", pool, err)
	}
	var connector driver.Connector = dsnConnector{d, dataSourceName}
	if d, ok := d.(driver.DriverContext); ok {
		if connector, err = d.OpenConnector(dataSourceName); err != nil {
			return nil, fmt.Errorf("sqldb: opening pool %s: %w", pool, err)
		}
	}
	return p.OpenDB(pool, connector), nil
}

// OpenDB opens a database as sql.OpenDB does, with the connector wrapped, and follows it under the name pool. A name
// that was in use now means the new pool. The pool is followed until it is closed.
//
// The wrapper has every optional interface of package driver that the driver underneath has, or behaves as database/sql
// does without it. What sql.Conn.Raw is given is the wrapper; [Raw] returns the driver's own connection.
func (p *Pools) OpenDB(pool string, connector driver.Connector) *sql.DB {
	followed := newPool(pool, p.config, p.epoch)
	followed.wrapped = true
	db := sql.OpenDB(&wrappedConnector{connector, followed, func() { p.drop(followed) }})
	followed.db = weak.Make(db)
	p.follow(followed)
	openpools.Add(pool, db)
	return db
}

// Watch follows a database that was opened elsewhere under the name pool: only what sql.DBStats tells. It is followed until
// [Pools.Forget], or until it has been closed and nobody uses it any more.
func (p *Pools) Watch(pool string, db *sql.DB) {
	followed := newPool(pool, p.config, p.epoch)
	followed.db = weak.Make(db)
	p.follow(followed)
}

// WatchFunc follows a pool of another library under the name pool, by a function that returns its own figures as sql.DBStats;
// the zero of what it does not tell is fine. So checks on [signals.SQLDB] see it. The function is called at each reading, by one
// goroutine at a time, and must not block; a panic in it leaves that pool out of that reading. The pool is followed until
// [Pools.Forget]. [AcquireStats] makes the function for pgxpool and puddle; for go-redis, as for others with plain fields, it is
//
//	pools.WatchFunc("sessions", func() sql.DBStats {
//		s := client.PoolStats()
//		return sql.DBStats{MaxOpenConnections: client.Options().PoolSize, OpenConnections: int(s.TotalConns), Idle: int(s.IdleConns),
//			InUse: int(s.TotalConns - s.IdleConns), WaitCount: int64(s.WaitCount), WaitDuration: time.Duration(s.WaitDurationNs)}
//	})
func (p *Pools) WatchFunc(pool string, stats func() sql.DBStats) {
	followed := newPool(pool, p.config, p.epoch)
	followed.foreign = stats
	p.follow(followed)
}

// Forget ends the following of a pool. One that was opened here is forgotten when it is closed.
func (p *Pools) Forget(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pools = slices.DeleteFunc(p.pools, func(known *pool) bool { return known.name == name })
}

func (p *Pools) drop(closed *pool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pools = slices.DeleteFunc(p.pools, func(known *pool) bool { return known == closed })
}

// Use returns how many times connections of a pool were taken and given back since it was opened, and for how long in
// all. Both are 0 for a pool that is not known or only watched. It is what poolsize.Config.Use wants.
func (p *Pools) Use(pool string) (count int64, total time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, known := range p.pools {
		if known.name == pool {
			known.mu.Lock()
			defer known.mu.Unlock()
			return known.uses, known.used
		}
	}
	return 0, 0
}

func (p *Pools) follow(added *pool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.IndexFunc(p.pools, func(known *pool) bool { return known.name == added.name }); i >= 0 {
		p.pools[i] = added
		return
	}
	p.pools = append(p.pools, added)
}

// Describe returns [signals.SQLDB].
func (p *Pools) Describe() []*signals.Signal { return signals.Group(signals.SQLDB) }

// Sample reads all signals of all pools. It allocates nothing, but for the name of a place that holds a connection too
// long for the first time.
func (p *Pools) Sample(dst *signals.Batch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	read := 0
	p.pools = slices.DeleteFunc(p.pools, func(known *pool) bool {
		db := known.db.Value()
		if db == nil && known.foreign == nil {
			return true
		}
		if read++; read > p.config.MaxPools {
			return false
		}
		if db != nil {
			known.sample(dst, db.Stats())
		} else if stats, ok := known.ask(); ok {
			known.sample(dst, stats)
		}
		return false
	})
}
