//go:build e2e

package e2e

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/falsifiable/stability/signals/sqldb"
)

// What a service sees of a real PostgreSQL is the same through a followed pool as without one: values, types, errors by their code,
// transactions, a statement that is canceled, a connection that the server ends, and the driver's own COPY.
func TestTheWrapperChangesNothingOnPostgreSQL(t *testing.T) {
	bare, err := sql.Open("pgx", os.Getenv("E2E_POSTGRES"))
	if err != nil {
		t.Fatal(err)
	}
	defer bare.Close()
	followed, _ := open(t, 4)
	want, got := transcript(t, bare), transcript(t, followed)
	if len(want) < 20 {
		t.Fatalf("only %d lines are compared", len(want))
	}
	for i := range max(len(want), len(got)) {
		switch {
		case i >= len(want) || i >= len(got):
			t.Fatalf("%d lines without the wrapper, %d with it", len(want), len(got))
		case want[i] != got[i]:
			t.Errorf("without the wrapper: %s\nwith it: %s", want[i], got[i])
		}
	}
}

// script writes down what a database answers.
type script struct {
	*testing.T
	db    *sql.DB
	lines []string
}

func (s *script) note(what string, values ...any) {
	for i, v := range values {
		if err, ok := v.(error); ok {
			values[i] = code(err)
		}
	}
	s.lines = append(s.lines, what+": "+strings.TrimSpace(fmt.Sprintln(values...)))
}

// code is what an error is to a program: what it wraps, not the address or the process that its text names.
func code(err error) string {
	if p, ok := errors.AsType[*pgconn.PgError](err); ok {
		return "SQLSTATE " + p.Code
	}
	for _, known := range []error{sql.ErrNoRows, sql.ErrTxDone, sql.ErrConnDone, driver.ErrBadConn, context.DeadlineExceeded, context.Canceled} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return fmt.Sprintf("%T", err)
}

func transcript(t *testing.T, db *sql.DB) []string {
	t.Helper()
	s := &script{T: t, db: db}
	s.exec("DROP TABLE IF EXISTS wrapper")
	s.exec("CREATE TABLE wrapper (a INT PRIMARY KEY, b VARCHAR(20), c DECIMAL(10,2), d TIMESTAMP NULL)")
	s.exec("INSERT INTO wrapper VALUES ($1, $2, $3, $4)", 1, "x", "1.25", nil)
	s.exec("INSERT INTO wrapper VALUES ($1, $2, $3, $4)", 2, nil, 2.5, time.Unix(1000, 0).UTC())
	s.exec("INSERT INTO wrapper (a) VALUES ($1)", 1)
	s.exec("INSERT INTO wrapper (a) VALUES ($1)", struct{}{})
	s.exec("INSERT INTO wrapper (a) VALUES ($1)", "no number")
	s.exec("INSERT INTO wrapper (a) VALUES ($1)")
	s.exec("SELECT nothing FROM nowhere")
	s.rows()
	s.statement()
	for _, o := range []*sql.TxOptions{nil, {ReadOnly: true}, {Isolation: sql.LevelSerializable}, {Isolation: sql.LevelLinearizable}} {
		s.transaction(o)
	}
	s.cancelled()
	s.ended()
	s.copied()
	var n int
	s.note("rows", s.db.QueryRow("SELECT count(*) FROM wrapper").Scan(&n), n, s.db.Stats().InUse)
	return s.lines
}

func (s *script) exec(query string, args ...any) {
	r, err := s.db.Exec(query, args...)
	s.note(query, err)
	if err == nil {
		n, err := r.RowsAffected()
		_, unsupported := r.LastInsertId()
		s.note("result", n, err, unsupported != nil)
	}
}

func (s *script) rows() {
	rows, err := s.db.Query("SELECT a, b, c, d FROM wrapper WHERE a > $1 ORDER BY a", 0)
	if err != nil {
		s.Fatal(err)
	}
	types, err := rows.ColumnTypes()
	s.note("columns", err)
	for _, c := range types {
		length, sized := c.Length()
		precision, scale, decimal := c.DecimalSize()
		s.note("column", c.Name(), c.DatabaseTypeName(), c.ScanType(), length, sized, precision, scale, decimal)
	}
	for rows.Next() {
		var a, d any
		var b, c sql.NullString
		s.note("row", rows.Scan(&a, &b, &c, &d), a, b, c, d)
	}
	s.note("end", rows.NextResultSet(), rows.Err(), rows.Close())
	var b string
	s.note("none", s.db.QueryRow("SELECT b FROM wrapper WHERE a = 99").Scan(&b))
}

func (s *script) statement() {
	statement, err := s.db.Prepare("SELECT b FROM wrapper WHERE a = $1")
	s.note("prepare", err)
	var b string
	s.note("prepared", statement.QueryRow(1).Scan(&b), b, statement.QueryRow(1, 2).Scan(&b), statement.Close())
}

func (s *script) transaction(o *sql.TxOptions) {
	tx, err := s.db.BeginTx(s.Context(), o)
	s.note(fmt.Sprint("begin ", o), err)
	if err != nil {
		return
	}
	_, err = tx.Exec("INSERT INTO wrapper (a) VALUES (9)")
	s.note("in it", err, tx.Rollback(), tx.Commit())
}

func (s *script) cancelled() {
	ctx, cancel := context.WithTimeout(s.Context(), 100*time.Millisecond)
	defer cancel()
	var x any
	s.note("a statement that takes too long", s.db.QueryRowContext(ctx, "SELECT pg_sleep(60)").Scan(&x), s.db.Ping())
}

// ended is a connection that the server ends while it is in use.
func (s *script) ended() {
	conn, err := s.db.Conn(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	_, killed := conn.ExecContext(s.Context(), "SELECT pg_terminate_backend(pg_backend_pid())")
	_, after := conn.ExecContext(s.Context(), "SELECT 1")
	s.note("ended by the server", killed != nil, after, conn.Close() != nil, s.db.Ping())
}

// copied uses the driver's own connection, as programs do for COPY.
func (s *script) copied() {
	conn, err := s.db.Conn(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	err = conn.Raw(func(c any) error {
		own, ok := sqldb.Raw(c).(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("the driver's connection is a %T", sqldb.Raw(c))
		}
		n, err := own.Conn().CopyFrom(s.Context(), pgx.Identifier{"wrapper"}, []string{"a", "b"}, pgx.CopyFromRows([][]any{{int32(100), "c"}, {int32(101), "d"}}))
		s.note("copy", n, err)
		return nil
	})
	s.note("raw", err, conn.Close())
}
