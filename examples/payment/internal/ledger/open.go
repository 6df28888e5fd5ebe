package ledger

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"github.com/falsifiable/stability/defense/bulkhead"
	"github.com/falsifiable/stability/signals/sqldb"
)

// Pool is the name of the ledger's pool in the signals.
const Pool = "ledger"

const (
	// Connections that are recycled survive a restarted database and a firewall that forgets idle ones.
	connLifetime = 5 * time.Minute
	connIdleTime = time.Minute

	// PostgresConns is the most connections to a PostgreSQL.
	PostgresConns = 25
	sqliteConns   = 16
)

// Writes says how many may write at once. SQLite has one writer at a time: queueing for it here is fair and ends with the
// context, while connections would poll the file's lock (measured on a busy machine at 700 payments a second: p99
// 345 ms with 8 writers, 85 ms with 1).
func Writes(databaseURL string) bulkhead.Config {
	c := bulkhead.Config{Name: "ledger", Limit: PostgresConns, MaxWait: 2 * time.Second, MaxQueue: 1000}
	if databaseURL == "" {
		c.Limit = 1
	}
	return c
}

// Open opens the PostgreSQL database at that URL, or for "" a SQLite database of this process, in a temporary
// folder, and has the pool followed. close closes it and removes that folder.
func Open(databaseURL string, pools *sqldb.Pools) (db *sql.DB, close func() error, err error) {
	if databaseURL == "" {
		return openSQLite(pools)
	}
	if !strings.HasPrefix(databaseURL, "postgres://") && !strings.HasPrefix(databaseURL, "postgresql://") {
		return nil, nil, fmt.Errorf("ledger: opening the database: its URL must begin with postgres://")
	}
	db, err = open(pools, "pgx", databaseURL, PostgresConns)
	if err != nil {
		return nil, nil, err
	}
	return db, db.Close, nil
}

func openSQLite(pools *sqldb.Pools) (*sql.DB, func() error, error) {
	dir, err := os.MkdirTemp("", "payment-")
	if err != nil {
		return nil, nil, fmt.Errorf("ledger: opening the database: %w", err)
	}
	// Nothing is synced to disk: the file is gone with the process anyway.
	options := url.Values{"_pragma": {"busy_timeout(2000)", "journal_mode(wal)", "synchronous(off)"}}
	file := url.URL{Scheme: "file", Path: filepath.Join(dir, "orders.db"), RawQuery: options.Encode()}
	db, err := open(pools, "sqlite", file.String(), sqliteConns)
	if err != nil {
		return nil, nil, err
	}
	closeAll := func() error {
		if err := db.Close(); err != nil {
			return fmt.Errorf("ledger: closing the database: %w", err)
		}
		return os.RemoveAll(dir)
	}
	return db, closeAll, nil
}

func open(pools *sqldb.Pools, driver, source string, conns int) (*sql.DB, error) {
	db, err := pools.Open(Pool, driver, source)
	if err != nil {
		return nil, fmt.Errorf("ledger: opening the database: %w", err)
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	db.SetConnMaxLifetime(connLifetime)
	db.SetConnMaxIdleTime(connIdleTime)
	return db, nil
}
