// Package ledger keeps orders in a SQL database: PostgreSQL, or an embedded SQLite where none is given.
package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/falsifiable/stability/defense/bulkhead"
	"github.com/falsifiable/stability/examples/payment/internal/payment"
)

// The statements are in the SQL that both databases understand.
const (
	schema = `CREATE TABLE IF NOT EXISTS orders (
		id              TEXT PRIMARY KEY,
		idempotency_key TEXT UNIQUE,
		account         TEXT NOT NULL,
		amount          BIGINT NOT NULL,
		currency        TEXT NOT NULL,
		status          TEXT NOT NULL,
		risk            DOUBLE PRECISION,
		created_ms      BIGINT NOT NULL
	)`
	insert = `INSERT INTO orders (id, idempotency_key, account, amount, currency, status, risk, created_ms)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (idempotency_key) DO NOTHING`
	columns     = `SELECT id, account, amount, currency, status, risk, created_ms FROM orders`
	selectByID  = columns + ` WHERE id = $1`
	selectByKey = columns + ` WHERE idempotency_key = $1`
)

// Ledger implements [payment.Ledger]. It is safe for concurrent use.
type Ledger struct {
	insert, byID, byKey *sql.Stmt
	writes              *bulkhead.Bulkhead
}

// New makes a ledger in the database, which stays the caller's to close, after the ledger. It creates the table
// if there is none.
func New(ctx context.Context, db *sql.DB, writes *bulkhead.Bulkhead) (*Ledger, error) {
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, fmt.Errorf("ledger: creating the table: %w", err)
	}
	l := &Ledger{writes: writes}
	for _, p := range []struct {
		stmt **sql.Stmt
		text string
	}{{&l.insert, insert}, {&l.byID, selectByID}, {&l.byKey, selectByKey}} {
		stmt, err := db.PrepareContext(ctx, p.text)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("ledger: preparing a statement: %w", err), l.Close())
		}
		*p.stmt = stmt
	}
	return l, nil
}

// Close gives up the ledger's statements.
func (l *Ledger) Close() error {
	var errs []error
	for _, stmt := range []*sql.Stmt{l.insert, l.byID, l.byKey} {
		if stmt != nil {
			errs = append(errs, stmt.Close())
		}
	}
	return errors.Join(errs...)
}

// Record stores the order. If its key is taken it returns the order that has it, and false.
func (l *Ledger) Record(ctx context.Context, o payment.Order, key string) (payment.Order, bool, error) {
	result, err := bulkhead.Execute(ctx, l.writes, func(ctx context.Context) (sql.Result, error) {
		return l.insert.ExecContext(ctx, o.ID, sql.NullString{String: key, Valid: key != ""},
			o.Account, o.Amount, o.Currency, o.Status, o.Risk, o.Created.UnixMilli())
	})
	if err != nil {
		return payment.Order{}, false, fmt.Errorf("ledger: recording an order: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return payment.Order{}, false, fmt.Errorf("ledger: recording an order: %w", err)
	}
	if n == 1 {
		return o, true, nil
	}
	o, err = scan(l.byKey.QueryRowContext(ctx, key))
	return o, false, err
}

// Order returns an order by its ID, or [payment.ErrNotFound].
func (l *Ledger) Order(ctx context.Context, id string) (payment.Order, error) {
	return scan(l.byID.QueryRowContext(ctx, id))
}

func scan(row *sql.Row) (payment.Order, error) {
	var (
		o  payment.Order
		ms int64
	)
	err := row.Scan(&o.ID, &o.Account, &o.Amount, &o.Currency, &o.Status, &o.Risk, &ms)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return payment.Order{}, payment.ErrNotFound
	case err != nil:
		return payment.Order{}, fmt.Errorf("ledger: reading an order: %w", err)
	}
	o.Created = time.UnixMilli(ms).UTC()
	return o, nil
}
