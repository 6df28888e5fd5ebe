package sqldb_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/signals"
	"github.com/falsifiable/stability/signals/sqldb"
)

// read samples the pools and returns the readings by signal name without db.client, with the labels.
func read(pools *sqldb.Pools) map[string]float64 {
	var batch signals.Batch
	pools.Sample(&batch)
	readings := make(map[string]float64)
	for _, r := range batch.Readings() {
		labels := strings.ReplaceAll(r.Labels.String(), `{pool="orders"}`, "")
		readings[strings.TrimPrefix(r.Signal.Name(), "db.client.")+labels] = r.Value
	}
	return readings
}

func want(t *testing.T, readings map[string]float64, name string, value float64) {
	t.Helper()
	if got, ok := readings[name]; !ok || got != value {
		t.Errorf("%s = %v (read: %v), want %v", name, got, ok, value)
	}
}

// overdue returns the only overdue reading that is not 0, and its labels.
func overdue(t *testing.T, readings map[string]float64) (labels string, n float64) {
	t.Helper()
	for name, value := range readings { // those that are 0 are there so that checks can be judged
		if rest, ok := strings.CutPrefix(name, "connection.overdue"); ok && value > 0 {
			if labels != "" {
				t.Errorf("overdue in two places: %s and %s", labels, rest)
			}
			labels, n = rest, value
		}
	}
	return labels, n
}

// start opens a pool of a fake present-day driver within the test's bubble.
func start(t *testing.T, config sqldb.Config) (*sqldb.Pools, *sql.DB, *fake) {
	f := newFake()
	f.conn = newModern
	pools := sqldb.New(config)
	db := pools.OpenDB("orders", f)
	t.Cleanup(func() { db.Close() })
	return pools, db, f
}

func TestEveryFieldOfDBStatsIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pools, db, _ := start(t, sqldb.Config{})
		if _, ok := read(pools)["connection.max"]; ok {
			t.Error("a pool without a limit has a maximum")
		}
		db.SetMaxOpenConns(2)
		db.SetMaxIdleConns(1)
		a, _ := db.Conn(t.Context())
		b, _ := db.Conn(t.Context())
		readings := read(pools)
		want(t, readings, "connection.max", 2)
		want(t, readings, "connection.count", 2)
		want(t, readings, "connection.in_use", 2)
		want(t, readings, "connection.idle", 0)
		want(t, readings, "connection.created", 2)
		if _, ok := readings["connection.wait.mean"]; ok {
			t.Error("a mean of no waits was read")
		}

		go func() { <-time.After(3 * time.Second); a.Close() }()
		c, err := db.Conn(t.Context()) // waits for a
		if err != nil {
			t.Fatal(err)
		}
		readings = read(pools)
		want(t, readings, "connection.wait.count", 1)
		want(t, readings, "connection.wait.duration", 3)
		want(t, readings, "connection.wait.mean", 3)

		b.Close()
		c.Close() // one too many to be idle
		readings = read(pools)
		want(t, readings, "connection.idle", 1)
		want(t, readings, "connection.closed.max_idle", 1)
		db.SetConnMaxIdleTime(time.Second)
		<-time.After(5 * time.Second)
		want(t, read(pools), "connection.closed.idle_time", 1)

		db.SetConnMaxIdleTime(0)
		db.SetConnMaxLifetime(time.Second)
		d, _ := db.Conn(t.Context())
		d.Close()
		<-time.After(5 * time.Second)
		want(t, read(pools), "connection.closed.lifetime", 1)
	})
}

// Whatever holds a connection beyond the limit is named, with the place that took it; and no longer when it is released.
func TestHolders(t *testing.T) {
	for _, test := range []struct {
		name, kind string
		hold       func(t *testing.T, db *sql.DB) (release func())
	}{
		{"rows nobody closes", "rows", func(t *testing.T, db *sql.DB) func() {
			rows, err := db.QueryContext(t.Context(), "SELECT")
			fatal(t, err)
			return func() { rows.Close() }
		}},
		{"rows of a prepared statement", "rows", func(t *testing.T, db *sql.DB) func() {
			stmt, err := db.PrepareContext(t.Context(), "SELECT")
			fatal(t, err)
			rows, err := stmt.QueryContext(t.Context())
			fatal(t, err)
			return func() { rows.Close(); stmt.Close() }
		}},
		{"a transaction", "tx", func(t *testing.T, db *sql.DB) func() {
			tx, err := db.BeginTx(t.Context(), nil)
			fatal(t, err)
			return func() { fatal(t, tx.Commit()) }
		}},
		{"a transaction, rolled back", "tx", func(t *testing.T, db *sql.DB) func() {
			tx, err := db.BeginTx(t.Context(), nil)
			fatal(t, err)
			_, err = tx.Query("SELECT")
			fatal(t, err)
			return func() { fatal(t, tx.Rollback()) }
		}},
		{"a connection", "conn", func(t *testing.T, db *sql.DB) func() {
			conn, err := db.Conn(t.Context())
			fatal(t, err)
			return func() { conn.Close() }
		}},
		{"a connection whose transaction and rows are over", "conn", func(t *testing.T, db *sql.DB) func() {
			conn, err := db.Conn(t.Context())
			fatal(t, err)
			tx, err := conn.BeginTx(t.Context(), nil)
			fatal(t, err)
			rows, err := tx.Query("SELECT")
			fatal(t, err)
			rows.Close()
			fatal(t, tx.Commit())
			return func() { conn.Close() }
		}},
	} {
		for _, reused := range []bool{false, true} {
			t.Run(test.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					pools, db, _ := start(t, sqldb.Config{HoldLimit: 30 * time.Second})
					if reused {
						fatal(t, db.PingContext(t.Context()))
					}
					release := test.hold(t, db)
					<-time.After(29 * time.Second)
					readings := read(pools)
					want(t, readings, "connection.held.oldest", 29)
					if labels, _ := overdue(t, readings); labels != "" {
						t.Errorf("overdue before the limit: %s", labels)
					}
					want(t, readings, `connection.overdue{kind="`+test.kind+`",pool="orders",site="other"}`, 0)
					<-time.After(2 * time.Second)
					labels, n := overdue(t, read(pools))
					if n != 1 || !strings.Contains(labels, `kind="`+test.kind+`"`) || !strings.Contains(labels, `site="sqldb_test.TestHolders.func`) {
						t.Errorf("overdue: %v %s, want 1 of kind %s taken in this test", n, labels, test.kind)
					}
					release()
					readings = read(pools)
					if labels, n := overdue(t, readings); labels != "" {
						t.Errorf("still overdue: %v %s", n, labels)
					}
					want(t, readings, "connection.overdue"+labels, 0)
					want(t, readings, "connection.held.oldest", 0)
					want(t, readings, "connection.in_use", 0)
				})
			})
		}
	}
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A leak of rows is for good: no lifetime and no collection takes the connection back. This is the sickness that
// the wrapper is there to name.
func TestALeakedConnectionIsNeverReclaimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pools, db, _ := start(t, sqldb.Config{})
		db.SetMaxOpenConns(3)
		db.SetConnMaxLifetime(time.Minute)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		for range 3 {
			_, err := db.QueryContext(ctx, "SELECT")
			fatal(t, err)
		}
		<-time.After(20 * time.Minute)
		waiting, stop := context.WithTimeout(ctx, time.Second)
		defer stop()
		if err := db.PingContext(waiting); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Ping = %v, want a timeout", err)
		}
		readings := read(pools)
		want(t, readings, "connection.in_use", 3)
		want(t, readings, "connection.closed.lifetime", 0)
		want(t, readings, "connection.held.oldest", 1201)
		if _, n := overdue(t, readings); n != 3 {
			t.Errorf("%v overdue, want 3", n)
		}
	})
}

// A bad connection is closed without going back to the pool; what the pool then makes in advance for a waiter, who has
// left meanwhile, is held by nobody.
func TestNeitherABadConnectionNorOneMadeInAdvanceIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.conn = newModern
		pools := sqldb.New(sqldb.Config{})
		slow := &slowConnector{f, make(chan struct{}, 2)}
		db := pools.OpenDB("orders", slow)
		defer db.Close()
		db.SetMaxOpenConns(1)
		slow.go1()
		conn, err := db.Conn(t.Context())
		fatal(t, err)
		waiting, leave := context.WithCancel(t.Context())
		go db.PingContext(waiting)
		synctest.Wait()
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		synctest.Wait()
		<-time.After(time.Second)
		want(t, read(pools), "connection.held.oldest", 0)
		leave()
		synctest.Wait()
		slow.go1()
		<-time.After(time.Minute)
		readings := read(pools)
		want(t, readings, "connection.created", 2)
		want(t, readings, "connection.idle", 1)
		want(t, readings, "connection.held.oldest", 0)

		fatal(t, db.PingContext(t.Context()))
		want(t, read(pools), "connection.held.oldest", 0)
	})
}

// slowConnector connects when it is told to.
type slowConnector struct {
	*fake
	tickets chan struct{}
}

func (c *slowConnector) go1() { c.tickets <- struct{}{} }

func (c *slowConnector) Connect(ctx context.Context) (driver.Conn, error) {
	select {
	case <-c.tickets:
		return c.fake.Connect(ctx)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func TestMakingConnectionsIsTimedAndItsFailuresCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		pools := sqldb.New(sqldb.Config{})
		slow := &slowConnector{f, make(chan struct{}, 2)}
		db := pools.OpenDB("orders", slow)
		defer db.Close()
		go func() { <-time.After(100 * time.Millisecond); slow.go1() }()
		fatal(t, db.PingContext(t.Context()))
		readings := read(pools)
		want(t, readings, "connection.created", 1)
		if got := readings["connection.create.p99"]; got < 0.09 || got > 0.113 {
			t.Errorf("create.p99 = %v, want about 0.1", got)
		}
		if _, ok := read(pools)["connection.create.p99"]; ok {
			t.Error("the latency of no connection was read")
		}
		f.fail = errors.New("no route")
		slow.go1()
		conn, err := db.Conn(t.Context()) // the idle one
		fatal(t, err)
		defer conn.Close()
		if _, err := db.Conn(t.Context()); !errors.Is(err, f.fail) {
			t.Errorf("a second connection: %v, want %v", err, f.fail)
		}
		want(t, read(pools), "connection.create.error.count", 1)
	})
}

func TestTheTimeAConnectionIsHeldIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pools, db, _ := start(t, sqldb.Config{})
		conn, err := db.Conn(t.Context())
		fatal(t, err)
		<-time.After(10 * time.Second)
		conn.Close()
		if got := read(pools)["connection.use.p99"]; got < 9 || got > 11.3 {
			t.Errorf("use.p99 = %v, want about 10", got)
		}
		fatal(t, db.PingContext(t.Context()))
		if n, total := pools.Use("orders"); n != 2 || total != 10*time.Second {
			t.Errorf("Use = %d, %v; want 2, 10s", n, total)
		}
		if n, total := pools.Use("users"); n != 0 || total != 0 {
			t.Errorf("Use of an unknown pool = %d, %v", n, total)
		}
	})
}

func TestOpenStatementsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pools, db, _ := start(t, sqldb.Config{})
		a, err := db.Prepare("SELECT 1")
		fatal(t, err)
		b, err := db.Prepare("SELECT 2")
		fatal(t, err)
		want(t, read(pools), "statement.count", 2)
		a.Close()
		want(t, read(pools), "statement.count", 1)
		b.Close()
		want(t, read(pools), "statement.count", 0)
	})
}

func TestPlacesAreCapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pools, db, _ := start(t, sqldb.Config{MaxSites: 2})
		var conns []*sql.Conn
		take := func(conn *sql.Conn, err error) { fatal(t, err); conns = append(conns, conn) }
		take(db.Conn(t.Context()))
		take(db.Conn(t.Context()))
		take(db.Conn(t.Context()))
		take(db.Conn(t.Context()))
		<-time.After(time.Hour)
		readings := read(pools)
		want(t, readings, `connection.overdue{kind="conn",pool="orders",site="other"}`, 2)
		for _, conn := range conns {
			conn.Close()
		}
	})
}

func TestPoolsAreToldApartAndTheirNamesReused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pools, orders, f := start(t, sqldb.Config{})
		users := sql.OpenDB(f)
		defer users.Close()
		pools.Watch("users", users)
		conn, err := orders.Conn(t.Context())
		fatal(t, err)
		readings := read(pools)
		want(t, readings, "connection.in_use", 1)
		want(t, readings, `connection.in_use{pool="users"}`, 0)
		if _, ok := readings[`connection.created{pool="users"}`]; ok {
			t.Error("a pool that is only watched has readings of the wrapper")
		}
		conn.Close()
		pools.Watch("orders", users)
		if n := len(read(pools)); n == 0 {
			t.Error("nothing was read")
		}
		if _, ok := read(pools)["connection.created"]; ok {
			t.Error("the name still means the old pool")
		}
	})
}

// TestPoolsThatAreClosedAreForgotten: a service with a database for each tenant must not pay for those of long ago.
func TestPoolsThatAreClosedAreForgotten(t *testing.T) {
	pools, orders, _ := start(t, sqldb.Config{MaxPools: 3})
	var tenants []*sql.DB
	open := func(n int) {
		for range n {
			tenants = append(tenants, pools.OpenDB(fmt.Sprint("tenant-", len(tenants)), newFake()))
		}
	}
	names := func() (found []string) {
		var batch signals.Batch
		pools.Sample(&batch)
		for _, r := range batch.Readings() {
			if r.Signal == signals.SQLDB.Open {
				name, _ := r.Labels.Get("pool")
				found = append(found, name)
			}
		}
		return found
	}
	open(3000)
	if got := names(); !slices.Equal(got, []string{"orders", "tenant-0", "tenant-1"}) {
		t.Errorf("read are %v, want the first three", got)
	}
	for i, db := range tenants {
		if i != 7 {
			fatal(t, db.Close())
		}
	}
	if got := names(); !slices.Equal(got, []string{"orders", "tenant-7"}) {
		t.Errorf("read are %v, want those that are open", got)
	}
	again := pools.OpenDB("tenant-7", newFake()) // the name now means another pool, which the end of the first does not end
	fatal(t, tenants[7].Close())
	if got := names(); !slices.Equal(got, []string{"orders", "tenant-7"}) {
		t.Errorf("read are %v, want the new pool of the name", got)
	}
	fatal(t, again.Close())
	watched := sql.OpenDB(newFake())
	defer watched.Close()
	pools.Watch("users", watched)
	if got := names(); !slices.Equal(got, []string{"orders", "users"}) {
		t.Errorf("read are %v, want the watched one too", got)
	}
	pools.Forget("users")
	fatal(t, orders.Close())
	if got := names(); len(got) != 0 {
		t.Errorf("read are %v, want none", got)
	}
}

type waits struct{}

func (waits) EmptyAcquireCount() int64            { return 5 }
func (waits) EmptyAcquireWaitTime() time.Duration { return 2 * time.Second }

// pgxStat and puddleStat have the methods of pgxpool.Stat and puddle.Stat.
type pgxStat struct{ waits }

func (*pgxStat) MaxConns() int32      { return 10 }
func (*pgxStat) TotalConns() int32    { return 9 }
func (*pgxStat) AcquiredConns() int32 { return 7 }
func (*pgxStat) IdleConns() int32     { return 2 }

type puddleStat struct{ waits }

func (*puddleStat) MaxResources() int32      { return 10 }
func (*puddleStat) TotalResources() int32    { return 9 }
func (*puddleStat) AcquiredResources() int32 { return 7 }
func (*puddleStat) IdleResources() int32     { return 2 }

// TestPoolsOfOtherLibraries are read by their own functions, and one that panics costs the others nothing.
func TestPoolsOfOtherLibraries(t *testing.T) {
	pools := sqldb.New(sqldb.Config{})
	pools.WatchFunc("broken", func() sql.DBStats { panic("closed") })
	pools.WatchFunc("pgx", sqldb.AcquireStats(func() *pgxStat { return &pgxStat{} }))
	pools.WatchFunc("puddle", sqldb.AcquireStats(func() *puddleStat { return &puddleStat{} }))
	pools.WatchFunc("redis", func() sql.DBStats {
		return sql.DBStats{MaxOpenConnections: 10, OpenConnections: 9, InUse: 7, Idle: 2, WaitCount: 5, WaitDuration: 2 * time.Second}
	})
	readings := read(pools)
	for _, pool := range []string{"pgx", "puddle", "redis"} {
		for name, value := range map[string]float64{"connection.max": 10, "connection.count": 9, "connection.in_use": 7,
			"connection.idle": 2, "connection.wait.count": 5, "connection.wait.duration": 2} {
			want(t, readings, name+`{pool="`+pool+`"}`, value)
		}
	}
	pools.Forget("redis")
	for name := range read(pools) {
		if strings.Contains(name, "redis") || strings.Contains(name, "broken") {
			t.Errorf("%s is read", name)
		}
	}
}

// clickHouseStats has the fields of clickhouse-go's driver.Stats.
type clickHouseStats struct{ MaxOpenConns, MaxIdleConns, Open, Idle int }

func TestClickHouseTellsWhatIsInUse(t *testing.T) {
	got := sqldb.ClickHouseStats(func() clickHouseStats { return clickHouseStats{MaxOpenConns: 10, MaxIdleConns: 5, Open: 7, Idle: 2} })()
	if want := (sql.DBStats{MaxOpenConnections: 10, OpenConnections: 9, InUse: 7, Idle: 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// A pool that tells its events: a wait is a check-out that begins while all connections are out.
func TestEventsOfAPool(t *testing.T) {
	e := &sqldb.Events{Max: 2}
	add := func(kinds ...string) {
		for _, kind := range kinds {
			e.Add(kind, time.Second)
		}
	}
	add("ConnectionPoolCreated")
	add("ConnectionCheckOutStarted", "ConnectionCreated", "ConnectionReady", "ConnectionCheckedOut")
	add("ConnectionCheckOutStarted", "ConnectionCreated", "ConnectionReady", "ConnectionCheckedOut")
	add("ConnectionCheckOutStarted") // which waits
	want := sql.DBStats{MaxOpenConnections: 2, OpenConnections: 2, InUse: 2, WaitCount: 1, WaitDuration: 2 * time.Second}
	if got := e.Stats(); got != want {
		t.Errorf("all taken: %+v, want %+v", got, want)
	}
	add("ConnectionCheckedIn", "ConnectionCheckedOut")
	add("ConnectionCheckedIn", "ConnectionClosed")
	add("ConnectionCheckedIn", "ConnectionCheckOutStarted", "ConnectionCheckOutFailed")
	want = sql.DBStats{MaxOpenConnections: 2, OpenConnections: 1, Idle: 1, WaitCount: 1, WaitDuration: 4 * time.Second}
	if got := e.Stats(); got != want {
		t.Errorf("at rest: %+v, want %+v", got, want)
	}
	if n := testing.AllocsPerRun(100, func() { add("ConnectionCheckedOut", "ConnectionCheckedIn") }); n != 0 {
		t.Errorf("an event allocates %v times", n)
	}
	if got := new(sqldb.Events).Stats().MaxOpenConnections; got != 100 {
		t.Errorf("at most %d by default, want 100", got)
	}
}

func TestSampleAllocatesNothing(t *testing.T) {
	f := newFake()
	pools := sqldb.New(sqldb.Config{HoldLimit: time.Nanosecond})
	db := pools.OpenDB("orders", f)
	defer db.Close()
	conn, err := db.Conn(t.Context())
	fatal(t, err)
	defer conn.Close()
	var batch signals.Batch
	pools.Sample(&batch)
	if n := testing.AllocsPerRun(100, func() { batch.Reset(); pools.Sample(&batch) }); n != 0 {
		t.Errorf("Sample allocates %v times, want 0", n)
	}
}

func BenchmarkQuery(b *testing.B) {
	f := newFake()
	f.conn = func(c fakeConn) driver.Conn { return quiet{c} }
	for name, db := range map[string]*sql.DB{
		"without": sql.OpenDB(f), "with": sqldb.New(sqldb.Config{}).OpenDB("orders", f),
	} {
		b.Run(name, func(b *testing.B) {
			defer db.Close()
			b.ReportAllocs()
			for b.Loop() {
				rows, err := db.QueryContext(b.Context(), "SELECT")
				if err != nil {
					b.Fatal(err)
				}
				rows.Close()
			}
		})
	}
}

// quiet answers queries and writes nothing down.
type quiet struct{ fakeConn }

func (quiet) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return noRows{}, nil
}

type noRows struct{ fakeRows }

func (noRows) Close() error { return nil }

// A place that has been in order for long gives its reading to one that is not.
func TestAPlaceThatIsInOrderIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pools, db, _ := start(t, sqldb.Config{MaxSites: 1})
		first, err := db.Conn(t.Context())
		fatal(t, err)
		<-time.After(time.Hour)
		read(pools)
		first.Close()
		second, err := db.Conn(t.Context())
		fatal(t, err)
		defer second.Close()
		<-time.After(time.Minute)
		want(t, read(pools), `connection.overdue{kind="conn",pool="orders",site="other"}`, 1) // the first may come back
		<-time.After(10 * time.Minute)
		want(t, read(pools), `connection.overdue{kind="conn",pool="orders",site="other"}`, 0)
	})
}
