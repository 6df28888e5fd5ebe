package connrefused

import (
	"context"
	"database/sql/driver"
	"errors"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/falsifiable/stability/fault/internal/faulttest"
	"github.com/falsifiable/stability/signals/sqldb"
)

// database is one that is always there.
type database struct{}

func (d database) Connect(context.Context) (driver.Conn, error) { return d, nil }
func (d database) Driver() driver.Driver                        { return nil }
func (d database) Prepare(string) (driver.Stmt, error)          { return nil, errors.New("no statements") }
func (d database) Begin() (driver.Tx, error)                    { return nil, errors.New("no transactions") }
func (d database) Close() error                                 { return nil }

func TestConnectionsAreLostAndRefused(t *testing.T) {
	db := sqldb.New(sqldb.Config{}).OpenDB("orders", database{})
	defer db.Close()
	if err := db.PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		injection, err := Fault.Inject(t.Context(), nil, 1)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for range 10 {
			if err := db.PingContext(t.Context()); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("a query gets %v, want a refused connection", err)
			}
		}
		if w := injection.Witness(); !w.Active || w.Value != 10 {
			t.Errorf("the witness says %+v, want 10", w)
		}
		faulttest.Remove(t, injection)
	})
	if err := db.PingContext(t.Context()); err != nil {
		t.Errorf("after removal: %v", err)
	}
}
