package openpools

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"runtime"
	"testing"
)

type connector struct{}

func (connector) Connect(context.Context) (driver.Conn, error) { return nil, driver.ErrBadConn }
func (connector) Driver() driver.Driver                        { return nil }

func TestPoolsAreListedWhileTheyAreUsed(t *testing.T) {
	a, b, c := sql.OpenDB(connector{}), sql.OpenDB(connector{}), sql.OpenDB(connector{})
	Add("orders", a)
	Add("users", b)
	Add("orders", c)
	if got := List(); len(got) != 2 || got[0] != (Pool{"users", b}) || got[1] != (Pool{"orders", c}) {
		t.Errorf("List = %v, want users and the second orders", got)
	}
	for _, db := range []*sql.DB{a, b, c} {
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	a, b, c = nil, nil, nil
	for range 100 {
		runtime.GC()
		if len(List()) == 0 {
			return
		}
	}
	t.Errorf("%d pools are kept that nobody uses", len(List()))
}
