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
)

const (
	// Connections that are recycled survive a restarted database and a firewall that forgets idle ones.
	connLifetime = 5 * time.Minute
	connIdleTime = time.Minute

	postgresConns = 25
	// SQLite has one writer at a time. Queueing for it here is fair and ends with the context; several connections would
	// poll the file's lock instead (measured on a busy machine at 700 payments a second: p99 345 ms with 8, 85 ms with 1).
	sqliteConns = 1
)

// Open opens the PostgreSQL database at that URL, or for "" a SQLite database of this process, in a temporary
// folder. close closes it and removes that folder.
func Open(databaseURL string) (db *sql.DB, close func() error, err error) {
	if databaseURL == "" {
		return openSQLite()
	}
	if !strings.HasPrefix(databaseURL, "postgres://") && !strings.HasPrefix(databaseURL, "postgresql://") {
		return nil, nil, fmt.Errorf("ledger: opening the database: its URL must begin with postgres://")
	}
	db, err = open("pgx", databaseURL, postgresConns)
	if err != nil {
		return nil, nil, err
	}
	return db, db.Close, nil
}

func openSQLite() (*sql.DB, func() error, error) {
	dir, err := os.MkdirTemp("", "payment-")
	if err != nil {
		return nil, nil, fmt.Errorf("ledger: opening the database: %w", err)
	}
	// Nothing is synced to disk: the file is gone with the process anyway.
	options := url.Values{"_pragma": {"busy_timeout(2000)", "journal_mode(wal)", "synchronous(off)"}}
	file := url.URL{Scheme: "file", Path: filepath.Join(dir, "orders.db"), RawQuery: options.Encode()}
	db, err := open("sqlite", file.String(), sqliteConns)
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

func open(driver, source string, conns int) (*sql.DB, error) {
	db, err := sql.Open(driver, source)
	if err != nil {
		return nil, fmt.Errorf("ledger: opening the database: %w", err)
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	db.SetConnMaxLifetime(connLifetime)
	db.SetConnMaxIdleTime(connIdleTime)
	return db, nil
}
