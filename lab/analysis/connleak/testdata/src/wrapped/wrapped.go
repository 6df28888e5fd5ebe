// Package wrapped has rows and transactions in other types.
package wrapped

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"
)

type Rows struct{ *sql.Rows }
type Tx struct{ *sql.Tx }
type DB struct{ *sql.DB }

// cursor wraps rows without embedding them.
type cursor struct {
	name string
	rows *sql.Rows
}

func (c *cursor) Close() error { return c.rows.Close() }
func (c *cursor) Next() bool   { return c.rows.Next() }

func (db *DB) Queryx(ctx context.Context, q string) (*Rows, error) {
	r, err := db.QueryContext(ctx, q)
	if err != nil {
		return nil, err
	}
	return &Rows{r}, nil
}

func (db *DB) Beginx(ctx context.Context) (*Tx, error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	return &Tx{tx}, nil
}

func (db *DB) open(ctx context.Context, q string) (*cursor, error) {
	r, err := db.QueryContext(ctx, q)
	if err != nil {
		return nil, err
	}
	return &cursor{q, r}, nil
}

func Never(ctx context.Context, db *DB) (n int, err error) {
	rows, err := db.Queryx(ctx, "select 1") // want `the wrapped.Rows is never closed`
	if err != nil {
		return 0, err
	}
	if rows.Next() {
		err = rows.Scan(&n)
	}
	return n, err
}

func InTx(ctx context.Context, db *DB) error {
	tx, err := db.Beginx(ctx) // want `the wrapped.Tx is not committed or rolled back on every path`
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "update t set n=1"); err != nil {
		return err
	}
	return tx.Commit()
}

func NeverCursor(ctx context.Context, db *DB) (bool, error) {
	c, err := db.open(ctx, "select 1") // want `the wrapped.cursor is never closed`
	if err != nil {
		return false, err
	}
	return c.Next(), nil
}

func Closes(ctx context.Context, db *DB) (n int, err error) {
	rows, err := db.Queryx(ctx, "select 1")
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	if rows.Next() {
		err = rows.Scan(&n)
	}
	return n, err
}

func ClosesCursor(ctx context.Context, db *DB) (bool, error) {
	c, err := db.open(ctx, "select 1")
	if err != nil {
		return false, err
	}
	defer c.Close()
	return c.Next(), nil
}

func RollsBack(ctx context.Context, db *DB) error {
	tx, err := db.Beginx(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, "update t set n=1"); err != nil {
		return err
	}
	return tx.Commit()
}

// keeps stores its rows.
type keeps struct{ rows *Rows }

func (k *keeps) open(ctx context.Context, db *DB) (err error) {
	k.rows, err = db.Queryx(ctx, "select 1")
	return err
}

func byPgx(ctx context.Context, c *pgx.Conn) error {
	rows, err := c.Query(ctx, "select 1") // want `the github.com/jackc/pgx/v5.Rows is never closed`
	if err != nil {
		return err
	}
	rows.Next()
	return rows.Err()
}

func byPgxTx(ctx context.Context, c *pgx.Conn) error {
	tx, err := c.Begin(ctx) // want `the github.com/jackc/pgx/v5.Tx is not committed or rolled back on every path`
	if err != nil {
		return err
	}
	if err := tx.Exec(ctx, "update"); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

func byGorm(db *gorm.DB, v any) error {
	tx := db.Begin() // want `the gorm.io/gorm.DB is not committed or rolled back on every path`
	if tx.Error != nil {
		return tx.Error
	}
	if err := tx.Create(v).Error; err != nil {
		return err
	}
	return tx.Commit().Error
}

func byGormWell(db *gorm.DB, v any) error {
	tx := db.Begin()
	if tx.Error != nil {
		return tx.Error
	}
	if err := tx.Create(v).Error; err != nil {
		tx.Rollback()
		return err
	}
	return tx.Commit().Error
}

// names asks for more while its rows are open.
func names(ctx context.Context, db *sql.DB) (all []string, err error) {
	rows, err := db.QueryContext(ctx, "select id from groups")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := db.QueryRowContext(ctx, "select name").Scan(&name); err != nil { // want `this query takes a second connection while the rows hold one`
			return nil, err
		}
		all = append(all, name)
	}
	return all, rows.Err()
}

// after asks when its rows have come to their end.
func after(ctx context.Context, db *sql.DB) (n int, err error) {
	rows, err := db.QueryContext(ctx, "select id from groups")
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		n++
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	_, err = db.ExecContext(ctx, "update t set n=?", n)
	return n, err
}

// printed only prints what it got: that closes nothing.
func printed(c *http.Client, req *http.Request) error {
	res, err := c.Do(req) // want `the net/http.Response is never closed`
	if err != nil {
		return err
	}
	fmt.Println(res)
	return nil
}
