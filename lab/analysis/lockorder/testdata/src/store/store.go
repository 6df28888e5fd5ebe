// Package store talks to a database, for package held.
package store

import (
	"context"
	"database/sql"
)

type DB struct{ db *sql.DB }

func (d *DB) Load(ctx context.Context, key string) (v string, err error) {
	err = d.db.QueryRowContext(ctx, "select v from t where k = ?", key).Scan(&v)
	return v, err
}
