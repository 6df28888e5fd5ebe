package rowleak

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/falsifiable/stability/fault"
	"github.com/falsifiable/stability/internal/openpools"
)

// Fault is the declaration of this fault.
var Fault = fault.Fault{
	Name:  "rowleak",
	Title: "Row leak",
	Help: "Takes connections of the database pools and keeps them, by rows, a transaction or a sql.Conn that is never closed. " +
		"Needs a pool opened through signals/sqldb.",
	Params: []fault.Param{
		{Name: "by", Choices: []string{"rows", "tx", "conn"}, Help: "What is never closed."},
		{Name: "rate", Unit: fault.PerSecond, Default: 1, Min: 0.01, Max: 1000, Help: "Connections that leak, of each pool."},
		{Name: "max", Default: 1000, Min: 1, Max: 10_000, Help: "Connections held at the same time, of each pool; a pool with a limit has an end before."},
		{Name: "query", Choices: []string{"SELECT 1", "SELECT 1 FROM DUAL"}, Help: "What the rows are of."},
	},
	Effects: []fault.Effect{
		{Signal: "db.client.connection.in_use", Move: fault.Grow, By: fault.Of("rate"), Most: fault.Of("max")},
		{Signal: "db.client.connection.count", Move: fault.Grow, By: fault.Of("rate"), Most: fault.Of("max")},
		{Signal: "db.client.connection.held.oldest", Move: fault.Grow, By: fault.Exactly(1)},
		{Signal: "db.client.connection.overdue", Labels: map[string]string{"kind": "rows"}, When: map[string]string{"by": "rows"}, Move: fault.Raise, By: fault.Exactly(1)},
		{Signal: "db.client.connection.overdue", Labels: map[string]string{"kind": "tx"}, When: map[string]string{"by": "tx"}, Move: fault.Raise, By: fault.Exactly(1)},
		{Signal: "db.client.connection.overdue", Labels: map[string]string{"kind": "conn"}, When: map[string]string{"by": "conn"}, Move: fault.Raise, By: fault.Exactly(1)},
		// Once the pool is empty, whatever of the load needs a connection waits for one.
		{Signal: "db.client.connection.wait.count", Move: fault.Grow, By: fault.Exactly(0.2).By(fault.Requests), After: fault.Exactly(1)},
		{Signal: "db.client.connection.idle", Move: fault.Lower, By: fault.Exactly(1e-9)},
	},
	Presets: []fault.Settings{{"by": "conn", "rate": "100"}},
	Start:   start,
}

type leak struct {
	*fault.Life
	by, query string
	pools     []openpools.Pool
	held      atomic.Int64
	failed    atomic.Pointer[string] // the last error
}

func start(ctx context.Context, args fault.Args) (fault.Injection, error) {
	l := &leak{by: args.Choice("by"), query: args.Choice("query"), pools: openpools.List()}
	if len(l.pools) == 0 {
		return nil, errors.New("no database pool was opened through signals/sqldb")
	}
	rate, most := args.Number("rate"), args.Int("max")
	l.Life = fault.Begin(ctx, func(ctx context.Context) {
		lives := make([]*fault.Life, len(l.pools))
		for i, pool := range l.pools {
			lives[i] = fault.Begin(ctx, func(ctx context.Context) { l.drain(ctx, pool.DB, rate, most) })
		}
		<-ctx.Done()
		for _, life := range lives {
			_ = life.End(context.Background()) //stability:ignore lostdeadline it ends by itself: closing waits for nobody
		}
	})
	return l, nil
}

// drain takes connections until there are enough, and closes all when it is over. A pool at its limit makes it wait like
// everybody.
func (l *leak) drain(ctx context.Context, db *sql.DB, rate float64, most int) {
	var kept []func()
	fault.Pace(ctx, rate, most, func(n int) {
		for range n {
			if release := l.take(ctx, db); release != nil {
				kept = append(kept, release)
			}
		}
	})
	<-ctx.Done()
	for _, release := range kept {
		release()
		l.held.Add(-1)
	}
}

// take takes one connection and returns what gives it back, nil if there was none to be had. Waiting ends with ctx; what is
// then held does not, for that is what a leak is.
func (l *leak) take(ctx context.Context, db *sql.DB) (release func()) {
	conn, err := db.Conn(ctx)
	if err != nil {
		l.fail(err)
		return nil
	}
	release = func() { _ = conn.Close() }
	forever := context.WithoutCancel(ctx)
	switch l.by {
	case "rows":
		var rows *sql.Rows
		if rows, err = conn.QueryContext(forever, l.query); err == nil {
			err = rows.Err()
			release = func() { _ = rows.Close(); _ = conn.Close() }
		}
	case "tx":
		var tx *sql.Tx
		if tx, err = conn.BeginTx(forever, nil); err == nil {
			release = func() { _ = tx.Rollback(); _ = conn.Close() }
		}
	}
	if err != nil {
		l.fail(err)
		release()
		return nil
	}
	l.held.Add(1)
	return release
}

func (l *leak) fail(err error) {
	text := err.Error()
	l.failed.Store(&text)
}

// Witness compares the connections held with those that the pools themselves count as in use.
func (l *leak) Witness() fault.Witness {
	held, inUse := l.held.Load(), 0
	for _, pool := range l.pools {
		inUse += pool.DB.Stats().InUse
	}
	w := fault.Witness{Active: held > 0 && int64(inUse) >= held, Value: float64(held),
		Detail: fmt.Sprintf("%d connections are held by %s; the pools count %d in use", held, l.by, inUse)}
	if failed := l.failed.Load(); failed != nil {
		w.Detail += "; the last failure: " + *failed
	}
	return w
}

// Remove closes all that was left open.
func (l *leak) Remove(ctx context.Context) (fault.Residue, error) {
	err := l.End(ctx)
	return fault.Residue{Value: float64(l.held.Load())}, err
}
