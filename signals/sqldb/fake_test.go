package sqldb_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"sync"
)

// fake is a driver that writes down what it is asked. Its connections, statements and rows have just the optional
// interfaces that a test gives them.
type fake struct {
	conn func(fakeConn) driver.Conn
	stmt func(fakeStmt) driver.Stmt
	rows func(fakeRows) driver.Rows
	fail error // of Connect

	mu     sync.Mutex
	log    []string
	closed bool
}

func newFake() *fake {
	return &fake{
		conn: func(c fakeConn) driver.Conn { return c },
		stmt: func(s fakeStmt) driver.Stmt { return s },
		rows: func(r fakeRows) driver.Rows { return r },
	}
}

func (f *fake) note(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log = append(f.log, fmt.Sprintf(format, args...))
}

func (f *fake) calls() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.log)
}

func (f *fake) Connect(context.Context) (driver.Conn, error) {
	if f.fail != nil {
		return nil, f.fail
	}
	f.note("Connect")
	return f.conn(fakeConn{f}), nil
}

func (f *fake) Driver() driver.Driver              { return f }
func (f *fake) Open(string) (driver.Conn, error)   { return f.Connect(context.Background()) }
func (f *fake) newRows() (driver.Rows, error)      { return f.rows(fakeRows{f, new(int), new(bool)}), nil }
func (f *fake) newStmt(q string) driver.Stmt       { return f.stmt(fakeStmt{f, q}) }
func (f *fake) newTx() (driver.Tx, error)          { return fakeTx{f}, nil }
func (f *fake) done(string) (driver.Result, error) { return driver.RowsAffected(3), nil }

// closer is a connector that can be closed.
type closer struct{ *fake }

func (c closer) Close() error { c.note("Connector.Close"); return nil }

type fakeConn struct{ f *fake }

func (c fakeConn) Prepare(q string) (driver.Stmt, error) {
	c.f.note("Prepare")
	return c.f.newStmt(q), nil
}
func (c fakeConn) Close() error              { c.f.note("Conn.Close"); return nil }
func (c fakeConn) Begin() (driver.Tx, error) { c.f.note("Begin"); return c.f.newTx() }

type pinger struct{ fakeConn }

func (c pinger) Ping(context.Context) error { c.f.note("Ping"); return errors.New("no pong") }

type execer struct{ fakeConn }

func (c execer) Exec(_ string, args []driver.Value) (driver.Result, error) {
	c.f.note("Exec %v", args)
	return c.f.done("")
}

type execerContext struct{ fakeConn }

func (c execerContext) ExecContext(_ context.Context, q string, args []driver.NamedValue) (driver.Result, error) {
	c.f.note("ExecContext %v", args)
	if q == "skip" {
		return nil, driver.ErrSkip
	}
	return c.f.done("")
}

type queryer struct{ fakeConn }

func (c queryer) Query(_ string, args []driver.Value) (driver.Rows, error) {
	c.f.note("Query %v", args)
	return c.f.newRows()
}

type queryerContext struct{ fakeConn }

func (c queryerContext) QueryContext(_ context.Context, q string, args []driver.NamedValue) (driver.Rows, error) {
	c.f.note("QueryContext %v", args)
	if q == "skip" {
		return nil, driver.ErrSkip
	}
	return c.f.newRows()
}

type prepareContext struct{ fakeConn }

func (c prepareContext) PrepareContext(_ context.Context, q string) (driver.Stmt, error) {
	c.f.note("PrepareContext")
	return c.f.newStmt(q), nil
}

type beginTx struct{ fakeConn }

func (c beginTx) BeginTx(_ context.Context, opts driver.TxOptions) (driver.Tx, error) {
	c.f.note("BeginTx %v", opts)
	return c.f.newTx()
}

type resetter struct{ fakeConn }

func (c resetter) ResetSession(context.Context) error { c.f.note("ResetSession"); return nil }

type badResetter struct{ fakeConn }

func (c badResetter) ResetSession(context.Context) error {
	c.f.note("ResetSession")
	return driver.ErrBadConn
}

type invalid struct{ fakeConn }

func (c invalid) IsValid() bool { c.f.note("IsValid"); return false }

type connChecker struct{ fakeConn }

func (c connChecker) CheckNamedValue(v *driver.NamedValue) error {
	c.f.note("Conn.CheckNamedValue")
	if s, ok := v.Value.(special); ok {
		v.Value = "conn:" + s.text
		return nil
	}
	return driver.ErrSkip
}

// modern is a connection with all that a present-day driver has.
type modern struct {
	fakeConn
	execerContext
	queryerContext
	prepareContext
	beginTx
	resetter
	connChecker
	pingOK
}

type pingOK struct{ fakeConn }

func (c pingOK) Ping(context.Context) error { c.f.note("Ping"); return nil }

func newModern(c fakeConn) driver.Conn {
	return fullConn{c, modern{c, execerContext{c}, queryerContext{c}, prepareContext{c}, beginTx{c}, resetter{c}, connChecker{c}, pingOK{c}}}
}

// fullConn resolves whose Prepare, Close and Begin they are.
type fullConn struct {
	base fakeConn
	modern
}

func (c fullConn) Prepare(q string) (driver.Stmt, error) { return c.base.Prepare(q) }
func (c fullConn) Close() error                          { return c.base.Close() }
func (c fullConn) Begin() (driver.Tx, error)             { return c.base.Begin() }

type fakeTx struct{ f *fake }

func (t fakeTx) Commit() error   { t.f.note("Commit"); return nil }
func (t fakeTx) Rollback() error { t.f.note("Rollback"); return nil }

type fakeStmt struct {
	f     *fake
	query string
}

func (s fakeStmt) Close() error  { s.f.note("Stmt.Close"); return nil }
func (s fakeStmt) NumInput() int { return -1 }

func (s fakeStmt) Exec(args []driver.Value) (driver.Result, error) {
	s.f.note("Stmt.Exec %v", args)
	return s.f.done("")
}

func (s fakeStmt) Query(args []driver.Value) (driver.Rows, error) {
	s.f.note("Stmt.Query %v", args)
	return s.f.newRows()
}

type stmtExecContext struct{ fakeStmt }

func (s stmtExecContext) ExecContext(_ context.Context, args []driver.NamedValue) (driver.Result, error) {
	s.f.note("Stmt.ExecContext %v", args)
	return s.f.done("")
}

type stmtQueryContext struct{ fakeStmt }

func (s stmtQueryContext) QueryContext(_ context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.f.note("Stmt.QueryContext %v", args)
	return s.f.newRows()
}

type stmtChecker struct{ fakeStmt }

func (s stmtChecker) CheckNamedValue(v *driver.NamedValue) error {
	s.f.note("Stmt.CheckNamedValue")
	if _, ok := v.Value.(special); ok {
		v.Value = "stmt"
		return nil
	}
	return driver.ErrSkip
}

type stmtConverter struct{ fakeStmt }

func (s stmtConverter) ColumnConverter(i int) driver.ValueConverter {
	s.f.note("ColumnConverter %d", i)
	return convertSpecial{}
}

type convertSpecial struct{}

func (convertSpecial) ConvertValue(v any) (driver.Value, error) {
	if s, ok := v.(special); ok {
		return "column:" + s.text, nil
	}
	return driver.DefaultParameterConverter.ConvertValue(v)
}

// special is an argument that database/sql does not know how to convert.
type special struct{ text string }

type fakeRows struct {
	f    *fake
	read *int
	next *bool
}

func (r fakeRows) Columns() []string { return []string{"n"} }
func (r fakeRows) Close() error      { r.f.note("Rows.Close"); return nil }
func (r fakeRows) Next(dest []driver.Value) error {
	if *r.read == 2 {
		return io.EOF
	}
	*r.read++
	dest[0] = int64(*r.read)
	return nil
}

type rowsSets struct{ fakeRows }

func (r rowsSets) HasNextResultSet() bool { return !*r.next }
func (r rowsSets) NextResultSet() error {
	r.f.note("NextResultSet")
	if *r.next {
		return io.EOF
	}
	*r.next, *r.read = true, 1
	return nil
}

type rowsScanType struct{ fakeRows }

func (rowsScanType) ColumnTypeScanType(int) reflect.Type { return reflect.TypeFor[int64]() }

type rowsTypeName struct{ fakeRows }

func (rowsTypeName) ColumnTypeDatabaseTypeName(int) string { return "BIGINT" }

type rowsLength struct{ fakeRows }

func (rowsLength) ColumnTypeLength(int) (int64, bool) { return 8, true }

type rowsNullable struct{ fakeRows }

func (rowsNullable) ColumnTypeNullable(int) (nullable, ok bool) { return true, true }

type rowsPrecision struct{ fakeRows }

func (rowsPrecision) ColumnTypePrecisionScale(int) (p, s int64, ok bool) { return 10, 2, true }

// A present-day driver's connection has them all.
var _ interface {
	driver.ExecerContext
	driver.QueryerContext
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.SessionResetter
	driver.NamedValueChecker
	driver.Pinger
} = fullConn{}
