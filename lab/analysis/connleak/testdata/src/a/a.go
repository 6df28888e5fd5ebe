package a

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
)

type store struct{ db *sql.DB }

func never(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, "q") // want `the database/sql.Rows is never closed`
	if err != nil {
		return err
	}
	for rows.Next() {
	}
	return rows.Err()
}

func somePath(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, "q") // want `not closed on every path`
	if err != nil {
		return err
	}
	var n int
	if err := rows.Scan(&n); err != nil {
		return err
	}
	return rows.Close()
}

func good(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, "q")
	if err != nil {
		return err
	}
	defer rows.Close()
	return rows.Err()
}

func helper(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, "q")
	if err != nil {
		return err
	}
	return drain(rows)
}

func drain(r *sql.Rows) error { defer r.Close(); return r.Err() }

func given(ctx context.Context, db *sql.DB) (*sql.Rows, error) { return db.QueryContext(ctx, "q") }

func body(c *http.Client) (v any, err error) {
	resp, err := c.Get("u") // want `the net/http.Response is never closed`
	if err != nil {
		return nil, err
	}
	return v, json.NewDecoder(resp.Body).Decode(&v)
}

func bodyClosed(c *http.Client) error {
	resp, err := c.Get("u")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

func bodyBad(c *http.Client) error {
	resp, err := c.Get("u") // want `not closed on every path`
	if err != nil {
		return err
	}
	if resp.StatusCode != 200 {
		return io.EOF
	}
	return resp.Body.Close()
}

func loop(c *http.Client, urls []string) {
	for _, u := range urls {
		resp, err := c.Get(u)
		if err != nil {
			continue
		}
		defer resp.Body.Close() // want `this deferred Close in a loop`
	}
}

func (s *store) tx(ctx context.Context) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	s.db.ExecContext(ctx, "q") // want `takes a second connection while the transaction holds one`
	return tx.Commit()
}

func txLeft(ctx context.Context, db *sql.DB, b bool) error {
	tx, err := db.BeginTx(ctx, nil) // want `not committed or rolled back on every path`
	if err != nil {
		return err
	}
	if b {
		return io.EOF
	}
	return tx.Commit()
}

func handler(w http.ResponseWriter, r *http.Request) {
	db, _ := sql.Open("d", "s") // want `sql.Open for each request`
	db.Close()
}

// namedResult closes on every path: its err is a variable, because of the defer.
func namedResult(c *http.Client, req *http.Request) (status int, err error) {
	resp, err := c.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

func namedResultLeft(c *http.Client, req *http.Request) (status int, err error) {
	defer func() { err = errors.Join(err, io.EOF) }()
	resp, err := c.Do(req) // want `not closed on every path`
	if err != nil {
		return 0, err
	}
	if resp.StatusCode > 399 {
		return 0, io.EOF
	}
	return resp.StatusCode, resp.Body.Close()
}

// bodyAsked closes the body if there is one.
func bodyAsked(c *http.Client, req *http.Request) (n int, err error) {
	r, err := c.Do(req)
	if err != nil {
		return 0, err
	}
	if r.Body != nil {
		defer r.Body.Close()
	}
	if r.StatusCode >= 400 {
		r = nil
		return 0, errors.New("no")
	}
	return r.StatusCode, nil
}

type refused struct{ code int }

func (r *refused) Error() string { return "refused" }

// asked asks what kind of error there is: where there is one, there is no response.
func asked(c *http.Client) error {
	resp, err := c.Get("u")
	var r *refused
	if errors.As(err, &r) {
		if r.code == 404 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// askedOther asks about another error.
func askedOther(c *http.Client, why error) error {
	resp, err := c.Get("u") // want `not closed on every path`
	if err != nil {
		return err
	}
	var r *refused
	if errors.As(why, &r) {
		return why
	}
	return resp.Body.Close()
}

// hijacks closes the connection that the response came by.
func hijacks(conn net.Conn, r *http.Request) error {
	c := httputil.NewClientConn(conn, nil)
	c.Do(r)
	rwc, _ := c.Hijack()
	return rwc.Close()
}

// keeps has a client, which keeps its connections.
func keeps(c *http.Client, r *http.Request) {
	c.Do(r) // want `dropped without being closed`
}
