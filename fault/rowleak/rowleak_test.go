package rowleak

import (
	"context"
	"database/sql/driver"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/fault/internal/faulttest"
	"github.com/falsifiable/stability/signals"
	"github.com/falsifiable/stability/signals/sqldb"
)

// database is a driver that can do nothing but be in use.
type database struct{}

func (d database) Connect(context.Context) (driver.Conn, error) { return d, nil }
func (d database) Driver() driver.Driver                        { return nil }
func (d database) Prepare(string) (driver.Stmt, error)          { return nil, driver.ErrBadConn }
func (d database) Close() error                                 { return nil }
func (d database) Begin() (driver.Tx, error)                    { return d, nil }
func (d database) Commit() error                                { return nil }
func (d database) Rollback() error                              { return nil }
func (d database) Columns() []string                            { return nil }
func (d database) Next([]driver.Value) error                    { return nil }

func (d database) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return d, nil
}

func TestConnectionsLeakAndComeBack(t *testing.T) {
	for _, by := range []string{"rows", "tx", "conn"} {
		t.Run(by, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pools := sqldb.New(sqldb.Config{HoldLimit: time.Minute})
				db := pools.OpenDB("orders", database{})
				defer db.Close()
				db.SetMaxOpenConns(5)
				injection, err := Fault.Inject(t.Context(), fault.Settings{"by": by, "rate": "1"}, 1)
				if err != nil {
					t.Fatal(err)
				}
				<-time.After(3500 * time.Millisecond)
				if n := db.Stats().InUse; n != 3 {
					t.Errorf("%d connections are in use after 3.5 s, want 3", n)
				}
				<-time.After(2 * time.Minute)
				if w := injection.Witness(); !w.Active || w.Value != 5 {
					t.Errorf("witness = %+v, want active with 5", w)
				}
				waiting, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if err := db.PingContext(waiting); err == nil {
					t.Error("the pool still has a connection")
				}
				if kinds := overdue(pools); kinds != by {
					t.Errorf("the signals say %q, want %s", kinds, by)
				}
				faulttest.Remove(t, injection)
				if n := db.Stats().InUse; n != 0 {
					t.Errorf("%d connections are still in use", n)
				}
			})
		})
	}
}

// overdue returns the kind that sqldb finds overdue.
func overdue(pools *sqldb.Pools) (kind string) {
	var batch signals.Batch
	pools.Sample(&batch)
	for _, r := range batch.Readings() {
		if r.Signal.Name() == "db.client.connection.overdue" && r.Value > 0 {
			kind, _ = r.Labels.Get("kind")
		}
	}
	return kind
}

func TestAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := sqldb.New(sqldb.Config{}).OpenDB("orders", database{})
		defer db.Close()
		injection, err := Fault.Inject(t.Context(), fault.Settings{"by": "conn", "rate": "100", "max": "7"}, 1)
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		if n := db.Stats().InUse; n != 7 {
			t.Errorf("%d connections are in use, want 7", n)
		}
		faulttest.Remove(t, injection)
	})
}

func TestADatabaseThatIsDownIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := sqldb.New(sqldb.Config{}).OpenDB("orders", down{})
		defer db.Close()
		injection, err := Fault.Inject(t.Context(), nil, 1)
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(10 * time.Second)
		if w := injection.Witness(); w.Active || !strings.Contains(w.Detail, driver.ErrBadConn.Error()) {
			t.Errorf("witness = %+v, want inactive with the error", w)
		}
		faulttest.Remove(t, injection)
	})
}

type down struct{ database }

func (down) Connect(context.Context) (driver.Conn, error) { return nil, driver.ErrBadConn }
