package sqldb_test

import (
	"database/sql/driver"
	"testing"

	"github.com/falsifiable/stability/signals/sqldb"
)

// A statement ends with its connection at the latest, whoever forgot to close it: the database has forgotten it too.
func TestStatementsEndWithTheirConnection(t *testing.T) {
	pools, db, _ := start(t, sqldb.Config{})
	conn, err := db.Conn(t.Context())
	fatal(t, err)
	lost, err := conn.PrepareContext(t.Context(), "SELECT 1")
	fatal(t, err)
	want(t, read(pools), "statement.count", 1)
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = conn.Close()
	want(t, read(pools), "statement.count", 0)
	_ = lost.Close() // too late: it must not count twice
	want(t, read(pools), "statement.count", 0)
}
