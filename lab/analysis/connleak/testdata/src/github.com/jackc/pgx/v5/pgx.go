// Package pgx stands for the real one.
package pgx

import "context"

type Rows interface {
	Close()
	Next() bool
	Err() error
	Scan(dest ...any) error
}

type Tx interface {
	Commit(ctx context.Context) error
	Rollback(ctx context.Context) error
	Exec(ctx context.Context, sql string) error
}

type Conn struct{}

func (*Conn) Query(ctx context.Context, sql string) (Rows, error) { return nil, nil }
func (*Conn) Begin(ctx context.Context) (Tx, error)               { return nil, nil }
