package sqldb_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"testing"

	"github.com/falsifiable/stability/signals/sqldb"
)

// TestTheWrapperChangesNothing has each optional interface of package driver, and several sets of them, go through
// one script with and without the wrapper: the driver must be asked the same, and the caller told the same.
func TestTheWrapperChangesNothing(t *testing.T) {
	type driverOf func(f *fake)
	conn := func(make func(fakeConn) driver.Conn) driverOf { return func(f *fake) { f.conn = make } }
	stmt := func(make func(fakeStmt) driver.Stmt) driverOf { return func(f *fake) { f.stmt = make } }
	rows := func(make func(fakeRows) driver.Rows) driverOf { return func(f *fake) { f.rows = make } }
	for _, test := range []struct {
		name  string
		setup driverOf
	}{
		{"none", func(*fake) {}},
		{"Pinger", conn(func(c fakeConn) driver.Conn { return pinger{c} })},
		{"Execer", conn(func(c fakeConn) driver.Conn { return execer{c} })},
		{"ExecerContext", conn(func(c fakeConn) driver.Conn { return execerContext{c} })},
		{"Queryer", conn(func(c fakeConn) driver.Conn { return queryer{c} })},
		{"QueryerContext", conn(func(c fakeConn) driver.Conn { return queryerContext{c} })},
		{"ConnPrepareContext", conn(func(c fakeConn) driver.Conn { return prepareContext{c} })},
		{"ConnBeginTx", conn(func(c fakeConn) driver.Conn { return beginTx{c} })},
		{"SessionResetter", conn(func(c fakeConn) driver.Conn { return resetter{c} })},
		{"SessionResetter, bad", conn(func(c fakeConn) driver.Conn { return badResetter{c} })},
		{"Validator, invalid", conn(func(c fakeConn) driver.Conn { return invalid{c} })},
		{"NamedValueChecker", conn(func(c fakeConn) driver.Conn { return connChecker{c} })},
		{"all of a connection", conn(newModern)},
		{"StmtExecContext", stmt(func(s fakeStmt) driver.Stmt { return stmtExecContext{s} })},
		{"StmtQueryContext", stmt(func(s fakeStmt) driver.Stmt { return stmtQueryContext{s} })},
		{"NamedValueChecker of a statement", stmt(func(s fakeStmt) driver.Stmt { return stmtChecker{s} })},
		{"ColumnConverter", stmt(func(s fakeStmt) driver.Stmt { return stmtConverter{s} })},
		{"ColumnConverter and NamedValueChecker of the connection", func(f *fake) {
			f.conn = func(c fakeConn) driver.Conn { return connChecker{c} }
			f.stmt = func(s fakeStmt) driver.Stmt { return stmtConverter{s} }
		}},
		{"RowsNextResultSet", rows(func(r fakeRows) driver.Rows { return rowsSets{r} })},
		{"RowsColumnTypeScanType", rows(func(r fakeRows) driver.Rows { return rowsScanType{r} })},
		{"RowsColumnTypeDatabaseTypeName", rows(func(r fakeRows) driver.Rows { return rowsTypeName{r} })},
		{"RowsColumnTypeLength", rows(func(r fakeRows) driver.Rows { return rowsLength{r} })},
		{"RowsColumnTypeNullable", rows(func(r fakeRows) driver.Rows { return rowsNullable{r} })},
		{"RowsColumnTypePrecisionScale", rows(func(r fakeRows) driver.Rows { return rowsPrecision{r} })},
	} {
		for _, closes := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, closer %t", test.name, closes), func(t *testing.T) {
				var told, asked [2][]string
				for i := range 2 {
					f := newFake()
					test.setup(f)
					var connector driver.Connector = f
					if closes {
						connector = closer{f}
					}
					var db *sql.DB
					if i == 0 {
						db = sql.OpenDB(connector)
					} else {
						db = sqldb.New(sqldb.Config{}).OpenDB("orders", connector)
					}
					told[i] = script(db)
					asked[i] = f.calls()
				}
				compare(t, "the driver was asked", asked[0], asked[1])
				compare(t, "the caller was told", told[0], told[1])
			})
		}
	}
}

// compare reports the first difference.
func compare(t *testing.T, what string, without, with []string) {
	t.Helper()
	for i := range max(len(without), len(with)) {
		if i >= len(without) || i >= len(with) || without[i] != with[i] {
			t.Errorf("%s, from the %d-th on,\n  %q\nand with the wrapper\n  %q", what, i, without[min(i, len(without)):], with[min(i, len(with)):])
			return
		}
	}
}

// script uses a database in every way, and returns all that it was told.
func script(db *sql.DB) (told []string) {
	say := func(args ...any) { told = append(told, fmt.Sprint(args...)) }
	ctx, canceled := context.Background(), canceledContext()
	db.SetMaxOpenConns(1)
	say("ping", db.PingContext(ctx))
	for _, query := range []string{"plain", "skip"} {
		for _, arg := range []any{7, special{"x"}, sql.Named("n", 7)} {
			say(say2(db.ExecContext(ctx, query, arg)))
			say(readAll(db.QueryContext(ctx, query, arg)))
			say(preparedUse(db, query, arg))
		}
	}
	say(say2(db.ExecContext(canceled, "plain", 1)))
	for _, opts := range []*sql.TxOptions{nil, {ReadOnly: true}, {Isolation: sql.LevelSerializable}} {
		tx, err := db.BeginTx(ctx, opts)
		if say("begin", err); err != nil {
			continue
		}
		say(say2(tx.Exec("in tx")))
		say(readAll(tx.Query("in tx")))
		if opts == nil {
			say("commit", tx.Commit())
		} else {
			say("rollback", tx.Rollback())
		}
	}
	conn, err := db.Conn(ctx)
	if say("conn", err); err == nil {
		say("raw", conn.Raw(func(c any) error { say(fmt.Sprintf("%T", sqldb.Raw(c))); return nil }))
		say("close", conn.Close())
	}
	say(fmt.Sprintf("%T", db.Driver()))
	say("close", db.Close())
	return told
}

func canceledContext() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func say2(result sql.Result, err error) string {
	if err != nil {
		return err.Error()
	}
	n, err := result.RowsAffected()
	return fmt.Sprint(n, err)
}

func readAll(rows *sql.Rows, err error) string {
	if err != nil {
		return err.Error()
	}
	defer rows.Close()
	said := ""
	types, err := rows.ColumnTypes()
	for _, c := range types {
		length, hasLength := c.Length()
		nullable, hasNullable := c.Nullable()
		precision, scale, hasPrecision := c.DecimalSize()
		said += fmt.Sprint(c.ScanType(), c.DatabaseTypeName(), length, hasLength, nullable, hasNullable, precision, scale, hasPrecision)
	}
	said += fmt.Sprint(err)
	for more := true; more; more = rows.NextResultSet() {
		for rows.Next() {
			var n int
			said += fmt.Sprint(rows.Scan(&n), n)
		}
	}
	return said + fmt.Sprint(rows.Err())
}

func preparedUse(db *sql.DB, query string, arg any) string {
	stmt, err := db.Prepare(query)
	if err != nil {
		return err.Error()
	}
	defer stmt.Close()
	return say2(stmt.Exec(arg)) + readAll(stmt.Query(arg))
}
