package sqldb

import (
	"context"
	"database/sql/driver"
	"errors"

	"github.com/falsifiable/stability/internal/faultpoint"
)

// conn is a connection of the driver, with an account of who holds it.
//
// Where the driver lacks an optional interface, a method here does what database/sql does in that case. That cannot be
// had for ExecContext and QueryContext: having them changes how arguments are checked. So a conn is given
// those that the driver's has by expose.
//
// database/sql calls a connection and its statements one after the other, under a lock of its own.
type conn struct {
	inner driver.Conn
	hold
	open   int64 // statements; none once it is closed
	closed bool
}

// The errors of database/sql for drivers that are too old for what is asked of them.
var (
	errIsolation = errors.New("sql: driver does not support non-default isolation level")
	errReadOnly  = errors.New("sql: driver does not support read-only transactions")
	errNamed     = errors.New("sql: driver does not support the use of Named Parameters")
)

type (
	execer  struct{ c *conn }
	queryer struct{ c *conn }

	connExec struct {
		*conn
		execer
	}
	connQuery struct {
		*conn
		queryer
	}
	connExecQuery struct {
		*conn
		execer
		queryer
	}
)

func (c *conn) expose() driver.Conn {
	_, exec := c.inner.(driver.ExecerContext)
	_, query := c.inner.(driver.QueryerContext)
	if !exec {
		_, exec = c.inner.(driver.Execer)
	}
	if !query {
		_, query = c.inner.(driver.Queryer)
	}
	switch {
	case exec && query:
		return connExecQuery{c, execer{c}, queryer{c}}
	case exec:
		return connExec{c, execer{c}}
	case query:
		return connQuery{c, queryer{c}}
	}
	return c
}

func (c *conn) rawConn() driver.Conn { return c.inner }

// Close ends the statements too that nobody has closed: the database forgets them with their connection.
func (c *conn) Close() error {
	c.give()
	c.pool.statements.Add(-c.open)
	c.open, c.closed = 0, true
	return c.inner.Close()
}

// ResetSession is called when a connection that was in use before is taken from the pool.
func (c *conn) ResetSession(ctx context.Context) error {
	if faultpoint.Pass(ctx, faultpoint.Reuse) != nil {
		return driver.ErrBadConn
	}
	c.take()
	if inner, ok := c.inner.(driver.SessionResetter); ok {
		return inner.ResetSession(ctx)
	}
	return nil
}

// IsValid is called when the connection goes back to the pool.
func (c *conn) IsValid() bool {
	c.give()
	if inner, ok := c.inner.(driver.Validator); ok {
		return inner.IsValid()
	}
	return true
}

func (c *conn) Ping(ctx context.Context) error {
	c.take()
	if inner, ok := c.inner.(driver.Pinger); ok {
		return inner.Ping(ctx)
	}
	return nil
}

// CheckNamedValue returns ErrSkip for a driver without it, which is what database/sql takes its absence for.
func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	if inner, ok := c.inner.(driver.NamedValueChecker); ok {
		return inner.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

func (c *conn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	c.take()
	if inner, ok := c.inner.(driver.ConnPrepareContext); ok {
		s, err := inner.PrepareContext(ctx, query)
		return c.wrapStmt(s, err)
	}
	s, err := c.inner.Prepare(query)
	if err == nil && ctx.Err() != nil {
		_ = s.Close()
		return nil, ctx.Err()
	}
	return c.wrapStmt(s, err)
}

func (c *conn) wrapStmt(s driver.Stmt, err error) (driver.Stmt, error) {
	if err != nil {
		return nil, err
	}
	c.open++
	c.pool.statements.Add(1)
	wrapped := &stmt{inner: s, conn: c}
	if converter, ok := s.(driver.ColumnConverter); ok {
		return stmtConverter{wrapped, converter}, nil
	}
	return wrapped, nil
}

func (c *conn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	c.take()
	inner, err := c.begin(ctx, opts)
	if err != nil {
		return nil, err
	}
	c.txs.Add(1)
	return &transaction{inner: inner, conn: c}, nil
}

func (c *conn) begin(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if inner, ok := c.inner.(driver.ConnBeginTx); ok {
		return inner.BeginTx(ctx, opts)
	}
	if opts.Isolation != 0 {
		return nil, errIsolation
	}
	if opts.ReadOnly {
		return nil, errReadOnly
	}
	t, err := c.inner.Begin()
	if err == nil && ctx.Err() != nil {
		_ = t.Rollback()
		return nil, ctx.Err()
	}
	return t, err
}

func (e execer) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	e.c.take()
	if err := faultpoint.Pass(ctx, faultpoint.Query); err != nil {
		return nil, err
	}
	if inner, ok := e.c.inner.(driver.ExecerContext); ok {
		return inner.ExecContext(ctx, query, args)
	}
	values, err := plain(ctx, args)
	if err != nil {
		return nil, err
	}
	return e.c.inner.(driver.Execer).Exec(query, values)
}

func (q queryer) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	q.c.take()
	if err := faultpoint.Pass(ctx, faultpoint.Query); err != nil {
		return nil, err
	}
	if inner, ok := q.c.inner.(driver.QueryerContext); ok {
		r, err := inner.QueryContext(ctx, query, args)
		return q.c.wrapRows(r, err)
	}
	values, err := plain(ctx, args)
	if err != nil {
		return nil, err
	}
	r, err := q.c.inner.(driver.Queryer).Query(query, values)
	return q.c.wrapRows(r, err)
}

func (c *conn) wrapRows(r driver.Rows, err error) (driver.Rows, error) {
	if err != nil || r == nil {
		return r, err
	}
	c.rows.Add(1)
	return &result{Rows: r, conn: c}, nil
}

// plain returns arguments as drivers without contexts take them, as long as ctx lives.
func plain(ctx context.Context, args []driver.NamedValue) ([]driver.Value, error) {
	values := make([]driver.Value, len(args))
	for i, a := range args {
		if a.Name != "" {
			return nil, errNamed
		}
		values[i] = a.Value
	}
	return values, ctx.Err()
}
