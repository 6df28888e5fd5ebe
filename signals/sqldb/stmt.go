package sqldb

import (
	"context"
	"database/sql/driver"
	"io"
	"reflect"
	"sync/atomic"

	"github.com/falsifiable/stability/internal/faultpoint"
)

// stmt is a prepared statement.
type stmt struct {
	inner  driver.Stmt
	conn   *conn
	closed atomic.Bool
}

// stmtConverter is a statement of a driver that converts arguments by column.
type stmtConverter struct {
	*stmt
	converter driver.ColumnConverter
}

func (s stmtConverter) ColumnConverter(index int) driver.ValueConverter {
	return s.converter.ColumnConverter(index)
}

func (s *stmt) NumInput() int { return s.inner.NumInput() }

func (s *stmt) Close() error {
	if !s.closed.Swap(true) && !s.conn.closed {
		s.conn.open--
		s.conn.pool.statements.Add(-1)
	}
	return s.inner.Close()
}

// CheckNamedValue asks the driver's statement, or else its connection, as database/sql does.
func (s *stmt) CheckNamedValue(v *driver.NamedValue) error {
	if inner, ok := s.inner.(driver.NamedValueChecker); ok {
		return inner.CheckNamedValue(v)
	}
	return s.conn.CheckNamedValue(v)
}

func (s *stmt) Exec(args []driver.Value) (driver.Result, error) {
	s.conn.take()
	return s.inner.Exec(args)
}

func (s *stmt) Query(args []driver.Value) (driver.Rows, error) {
	s.conn.take()
	r, err := s.inner.Query(args)
	return s.conn.wrapRows(r, err)
}

func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if err := faultpoint.Pass(ctx, faultpoint.Query); err != nil {
		return nil, err
	}
	if inner, ok := s.inner.(driver.StmtExecContext); ok {
		s.conn.take()
		return inner.ExecContext(ctx, args)
	}
	values, err := plain(ctx, args)
	if err != nil {
		return nil, err
	}
	return s.Exec(values)
}

func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if err := faultpoint.Pass(ctx, faultpoint.Query); err != nil {
		return nil, err
	}
	if inner, ok := s.inner.(driver.StmtQueryContext); ok {
		s.conn.take()
		r, err := inner.QueryContext(ctx, args)
		return s.conn.wrapRows(r, err)
	}
	values, err := plain(ctx, args)
	if err != nil {
		return nil, err
	}
	return s.Query(values)
}

// transaction is one under way.
type transaction struct {
	inner driver.Tx
	conn  *conn
	ended atomic.Bool
}

func (t *transaction) Commit() error {
	t.end()
	return t.inner.Commit()
}

func (t *transaction) Rollback() error {
	t.end()
	return t.inner.Rollback()
}

func (t *transaction) end() {
	if !t.ended.Swap(true) {
		t.conn.txs.Add(-1)
	}
}

// result is the rows of a query. It has all optional interfaces; without one underneath it answers what database/sql
// takes for an absent one.
type result struct {
	driver.Rows
	conn   *conn
	closed atomic.Bool
}

func (r *result) Close() error {
	if !r.closed.Swap(true) {
		r.conn.rows.Add(-1)
	}
	return r.Rows.Close()
}

func (r *result) HasNextResultSet() bool {
	inner, ok := r.Rows.(driver.RowsNextResultSet)
	return ok && inner.HasNextResultSet()
}

func (r *result) NextResultSet() error {
	if inner, ok := r.Rows.(driver.RowsNextResultSet); ok {
		return inner.NextResultSet()
	}
	return io.EOF
}

func (r *result) ColumnTypeScanType(index int) reflect.Type {
	if inner, ok := r.Rows.(driver.RowsColumnTypeScanType); ok {
		return inner.ColumnTypeScanType(index)
	}
	return reflect.TypeFor[any]()
}

func (r *result) ColumnTypeDatabaseTypeName(index int) string {
	if inner, ok := r.Rows.(driver.RowsColumnTypeDatabaseTypeName); ok {
		return inner.ColumnTypeDatabaseTypeName(index)
	}
	return ""
}

func (r *result) ColumnTypeLength(index int) (length int64, ok bool) {
	if inner, has := r.Rows.(driver.RowsColumnTypeLength); has {
		return inner.ColumnTypeLength(index)
	}
	return 0, false
}

func (r *result) ColumnTypeNullable(index int) (nullable, ok bool) {
	if inner, has := r.Rows.(driver.RowsColumnTypeNullable); has {
		return inner.ColumnTypeNullable(index)
	}
	return false, false
}

func (r *result) ColumnTypePrecisionScale(index int) (precision, scale int64, ok bool) {
	if inner, has := r.Rows.(driver.RowsColumnTypePrecisionScale); has {
		return inner.ColumnTypePrecisionScale(index)
	}
	return 0, 0, false
}
