package signals

import "time"

// SQLDB are the signals of package signals/sqldb. The names with DBStats in their help are fields
// of sql.DBStats; the others need the driver wrapper. There is no db.connPool (docs/guide/whitepaper.md §3.3).
var SQLDB = struct {
	Max, Open, InUse, Idle, WaitCount, WaitDuration, WaitMean, ClosedMaxIdle, ClosedIdleTime, ClosedLifetime, Created, CreateErrors, CreateP99, UseP99, HeldOldest, Statements, Overdue *Signal
}{
	Max:            sqlDB("db.client.connection.max", Count, Gauge, "Most connections that may be open: DBStats.MaxOpenConnections. Absent while there is no limit.", "pool.Max", "pool.max"),
	Open:           sqlDB("db.client.connection.count", Count, Gauge, "Open connections: DBStats.OpenConnections.", "pool.open", "pool.OpenConnections"),
	InUse:          sqlDB("db.client.connection.in_use", Count, Gauge, "Connections in use: DBStats.InUse.", "pool.Active", "pool.inUse", "pool.InUse").boundedBy("db.client.connection.max"),
	Idle:           sqlDB("db.client.connection.idle", Count, Gauge, "Idle connections: DBStats.Idle.", "pool.idle", "pool.Idle"),
	WaitCount:      sqlDB("db.client.connection.wait.count", Count, Counter, "Callers that had to wait for a connection: DBStats.WaitCount.", "pool.waitCount", "pool.WaitCount"),
	WaitDuration:   sqlDB("db.client.connection.wait.duration", Seconds, Counter, "Time that callers have waited, all together: DBStats.WaitDuration.", "pool.waitDuration", "pool.WaitDuration"),
	WaitMean:       sqlDB("db.client.connection.wait.mean", Seconds, Gauge, "Mean wait of the callers whose wait ended since the last reading that saw one."),
	ClosedMaxIdle:  sqlDB("db.client.connection.closed.max_idle", Count, Counter, "Connections closed because enough were idle: DBStats.MaxIdleClosed.", "pool.maxIdleClosed", "pool.MaxIdleClosed"),
	ClosedIdleTime: sqlDB("db.client.connection.closed.idle_time", Count, Counter, "Connections closed for having been idle too long: DBStats.MaxIdleTimeClosed.", "pool.maxIdleTimeClosed", "pool.MaxIdleTimeClosed"),
	ClosedLifetime: sqlDB("db.client.connection.closed.lifetime", Count, Counter, "Connections closed for their age: DBStats.MaxLifetimeClosed.", "pool.maxLifetimeClosed", "pool.MaxLifetimeClosed"),
	Created:        sqlDB("db.client.connection.created", Count, Counter, "Connections that the driver has made."),
	CreateErrors:   sqlDB("db.client.connection.create.error.count", Count, Counter, "Connections that the driver failed to make."),
	CreateP99:      sqlDB("db.client.connection.create.p99", Seconds, Gauge, "99th percentile of the time to make a connection, since the last reading that saw one."),
	UseP99:         sqlDB("db.client.connection.use.p99", Seconds, Gauge, "99th percentile of the time that a connection was held, of those given back since the last reading that saw one."),
	HeldOldest:     sqlDB("db.client.connection.held.oldest", Seconds, Gauge, "How long the connection held longest has been held, 0 when none is.", "pool.heldOldest"),
	Statements:     sqlDB("db.client.statement.count", Count, Gauge, "Prepared statements not yet closed, on all connections."),
	Overdue:        sqlDB("db.client.connection.overdue", Count, Gauge, "Connections held longer than the limit, by what holds them (rows, tx, conn) and the place that took them.").by("pool", "kind", "site"),
}

func sqlDB(name string, unit Unit, kind Kind, help string, aliases ...string) *Signal {
	return Declare(Desc{
		Name: name, Aliases: aliases, Unit: unit, Kind: kind, Labels: []string{"pool"}, Help: help, Source: "sqldb", Cost: 50 * time.Nanosecond,
	})
}
