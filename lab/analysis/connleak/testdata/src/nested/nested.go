// Package nested queries beside transactions through other functions.
package nested

import (
	"context"
	"database/sql"
)

type repo struct{ db, replica *sql.DB }

var global *sql.DB

func (r *repo) owner(ctx context.Context) (s string, err error) {
	err = r.db.QueryRowContext(ctx, "q").Scan(&s)
	return s, err
}

func (r *repo) owners(ctx context.Context) (string, error) { return r.owner(ctx) }

func (r *repo) fromReplica(ctx context.Context) error {
	_, err := r.replica.ExecContext(ctx, "q")
	return err
}

// either uses the transaction that is open, if one is.
func (r *repo) either(ctx context.Context) error {
	if tx, ok := ctx.Value("tx").(*sql.Tx); ok {
		_, err := tx.ExecContext(ctx, "q")
		return err
	}
	_, err := r.db.ExecContext(ctx, "q")
	return err
}

func (r *repo) with(ctx context.Context, tx *sql.Tx) error {
	if tx == nil {
		_, err := r.db.ExecContext(ctx, "q")
		return err
	}
	_, err := tx.ExecContext(ctx, "q")
	return err
}

func count(ctx context.Context) error {
	_, err := global.ExecContext(ctx, "q")
	return err
}

func (r *repo) finish(tx *sql.Tx) error { return tx.Commit() }

func (r *repo) move(ctx context.Context, other *repo) error {
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := r.fromReplica(ctx); err != nil {
		return err
	}
	if err := r.either(ctx); err != nil {
		return err
	}
	if err := r.with(ctx, tx); err != nil {
		return err
	}
	if _, err := other.owner(ctx); err != nil {
		return err
	}
	if err := count(ctx); err != nil {
		return err
	}
	if _, err := r.owner(ctx); err != nil { // want `takes a second connection while the transaction holds one`
		return err
	}
	return tx.Commit()
}

func (r *repo) deeper(ctx context.Context) error {
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := r.owners(ctx); err != nil { // want `takes a second connection while the transaction holds one`
		return err
	}
	return tx.Commit()
}

func counted(ctx context.Context) error {
	tx, err := global.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := count(ctx); err != nil { // want `takes a second connection while the transaction holds one`
		return err
	}
	return tx.Commit()
}

func pick() *sql.DB { return global }

func elsewhere(ctx context.Context) error {
	db := pick()
	defer println("elsewhere") // so that values are numbered as in picked
	_, err := db.ExecContext(ctx, "q")
	return err
}

// picked knows nothing of the pool that elsewhere picks.
func picked(ctx context.Context) error {
	db := pick()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := elsewhere(ctx); err != nil {
		return err
	}
	return tx.Commit()
}

func (r *repo) failed(ctx context.Context) error {
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		r.db.ExecContext(ctx, "note") // no transaction has begun
		return err
	}
	if err := r.finish(tx); err != nil {
		return err
	}
	_, err = r.owner(ctx)
	return err
}
