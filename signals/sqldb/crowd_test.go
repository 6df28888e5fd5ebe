package sqldb_test

import (
	"context"
	"sync"
	"testing"

	"github.com/falsifiable/stability/signals/sqldb"
)

// TestManyCallers is for the race detector: callers end what they began from two goroutines at once, some with a context that has
// ended, beside a reader. At the end nothing is counted as held or open.
func TestManyCallers(t *testing.T) {
	pools, db, _ := start(t, sqldb.Config{HoldLimit: 1})
	db.SetMaxOpenConns(4)
	uses := []func(ctx context.Context, both func(a, b func() error)){
		func(ctx context.Context, both func(a, b func() error)) {
			if tx, err := db.BeginTx(ctx, nil); err == nil {
				_, _ = tx.ExecContext(ctx, "plain")
				both(tx.Commit, tx.Rollback)
			}
		},
		func(ctx context.Context, both func(a, b func() error)) {
			if rows, err := db.QueryContext(ctx, "plain"); err == nil {
				both(func() error { rows.Next(); return nil }, rows.Close)
			}
		},
		func(ctx context.Context, both func(a, b func() error)) {
			if conn, err := db.Conn(ctx); err == nil {
				both(func() error { return conn.PingContext(ctx) }, conn.Close)
			}
		},
		func(ctx context.Context, both func(a, b func() error)) {
			if stmt, err := db.PrepareContext(ctx, "plain"); err == nil {
				both(func() error { _, err := stmt.ExecContext(ctx, 1); return err }, stmt.Close)
			}
		},
	}
	var all sync.WaitGroup
	both := func(a, b func() error) {
		all.Go(func() { _ = a() })
		_ = b()
	}
	for i := range 8 {
		all.Go(func() {
			for j := range 40 {
				ctx, cancel := context.WithCancel(t.Context())
				if (i+j)%7 == 0 {
					cancel()
				}
				uses[(i+j)%len(uses)](ctx, both)
				cancel()
				if i == 0 { // one reads: a source is for one reader
					read(pools)
				}
			}
		})
	}
	all.Wait()
	readings := read(pools)
	for _, name := range []string{"connection.in_use", "statement.count"} {
		want(t, readings, name, 0)
	}
}
