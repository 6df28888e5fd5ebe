// Package owned gets connections from its own functions: from those that make one, and from those that have one.
package owned

import (
	"compress/gzip"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"txs"
)

var errNone = errors.New("none")

type key struct{}

type store struct {
	db      *sql.DB
	tx      *sql.Tx
	conn    *sql.Conn
	stmts   map[string]*sql.Stmt
	closers []func() error
}

// Those that have one.

func (s *store) current() (*sql.Tx, error) {
	if s.tx == nil {
		return nil, errNone
	}
	return s.tx, nil
}

func (s *store) stmt(ctx context.Context, q string) (*sql.Stmt, error) {
	if st, ok := s.stmts[q]; ok {
		return st, nil
	}
	st, err := s.db.PrepareContext(ctx, q)
	if err != nil {
		return nil, err
	}
	s.stmts[q] = st
	return st, nil
}

func (s *store) pinned(ctx context.Context) (*sql.Conn, error) {
	if s.conn != nil {
		return s.conn, nil
	}
	c, err := s.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	s.conn = c
	return c, nil
}

func (s *store) kept(ctx context.Context) (*sql.Conn, error) {
	c, err := s.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	s.keep(c)
	return c, nil
}

func (s *store) keep(c *sql.Conn) { s.conn = c }

func from(ctx context.Context) (*sql.Tx, error) {
	tx, ok := ctx.Value(key{}).(*sql.Tx)
	if !ok {
		return nil, errNone
	}
	return tx, nil
}

func (s *store) registered(ctx context.Context) (*sql.Conn, error) {
	c, err := s.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, c.Close)
	return c, nil
}

func (s *store) managed(ctx context.Context) (*sql.Conn, error) {
	c, err := s.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { c.Close() })
	return c, nil
}

func (s *store) watched(ctx context.Context) (*sql.Conn, error) {
	c, err := s.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	runtime.SetFinalizer(c, (*sql.Conn).Close)
	return c, nil
}

func (s *store) ended(ctx context.Context) (*sql.Conn, error) {
	c, err := s.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	go s.endWith(ctx, c)
	return c, nil
}

func (s *store) endWith(ctx context.Context, c *sql.Conn) { <-ctx.Done(); c.Close() }

func peek(c *http.Client) (*http.Response, error) {
	resp, err := c.Get("u")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return resp, nil
}

func inspect(c *http.Client) (*http.Response, error) {
	resp, err := c.Get("u")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	return resp, nil
}

var lastResponse *http.Response

func remembered(resp *http.Response, err error) (*http.Response, error) {
	lastResponse = resp
	return resp, err
}

func same(tx *sql.Tx) (*sql.Tx, error) { return tx, nil }

type provider interface {
	Tx(context.Context) (*sql.Tx, error)
}

func users(ctx context.Context, s *store, p provider, c *http.Client, find func() (*sql.Tx, error)) error {
	tx, err := s.current()
	if err != nil {
		return err
	}
	if tx, err = from(ctx); err != nil {
		return err
	}
	if tx, err = p.Tx(ctx); err != nil {
		return err
	}
	if tx, err = find(); err != nil {
		return err
	}
	if tx, err = same(tx); err != nil {
		return err
	}
	if tx, err = txs.FromContext(ctx); err != nil {
		return err
	}
	if tx, err = txs.MustTx(ctx); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "x")
	return err
}

func conns(ctx context.Context, s *store) error {
	c, err := s.pinned(ctx)
	if err != nil {
		return err
	}
	if c, err = s.kept(ctx); err != nil {
		return err
	}
	if c, err = s.registered(ctx); err != nil {
		return err
	}
	if c, err = s.managed(ctx); err != nil {
		return err
	}
	if c, err = s.watched(ctx); err != nil {
		return err
	}
	if c, err = s.ended(ctx); err != nil {
		return err
	}
	if c, err = txs.ConnFromContext(ctx); err != nil {
		return err
	}
	return c.PingContext(ctx)
}

func others(ctx context.Context, s *store, c *http.Client) (int, error) {
	st, err := s.stmt(ctx, "q")
	if err != nil {
		return 0, err
	}
	resp, err := peek(c)
	if err != nil {
		return 0, err
	}
	if resp, err = inspect(c); err != nil {
		return 0, err
	}
	if resp, err = remembered(c.Get("u")); err != nil {
		return 0, err
	}
	_, err = st.ExecContext(ctx)
	return resp.StatusCode, err
}

func prepared(ctx context.Context, tx *sql.Tx) error {
	st, err := tx.PrepareContext(ctx, "q") // closed with the transaction
	if err != nil {
		return err
	}
	_, err = st.ExecContext(ctx)
	return err
}

// Those that make one.

func (s *store) begin(ctx context.Context) (*sql.Tx, error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	fmt.Println("began", tx)
	return tx, nil
}

func (s *store) again(ctx context.Context, n int) (*sql.Tx, error) {
	tx, err := s.begin(ctx)
	if err != nil && n > 0 {
		return s.again(ctx, n-1)
	}
	return tx, err
}

func (s *store) guarded(ctx context.Context) (c *sql.Conn, err error) {
	c, err = s.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			c.Close()
		}
	}()
	if err = c.PingContext(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

func checked(resp *http.Response, err error) (*http.Response, error) {
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != 200 {
		resp.Body.Close()
		return nil, errNone
	}
	return resp, nil
}

func zipped(c *http.Client) (*http.Response, error) {
	resp, err := c.Get("u")
	if err != nil {
		return nil, err
	}
	if _, err := gzip.NewReader(resp.Body); err != nil {
		resp.Body.Close()
		return nil, err
	}
	return resp, nil
}

func once[T any](f func() (T, error)) (T, error) { return f() }

type doer interface {
	Do(*http.Request) (*http.Response, error)
}

func makes(ctx context.Context, s *store) error {
	a, err := s.begin(ctx) // want `the database/sql.Tx is never committed or rolled back`
	if err != nil {
		return err
	}
	b, err := s.again(ctx, 3) // want `the database/sql.Tx is never committed or rolled back`
	if err != nil {
		return err
	}
	c, err := s.guarded(ctx) // want `the database/sql.Conn is never closed`
	if err != nil {
		return err
	}
	d, err := txs.Start(ctx) // want `the database/sql.Tx is never committed or rolled back`
	if err != nil {
		return err
	}
	_, _, _, _ = a, b, c, d
	return nil
}

func responses(ctx context.Context, c *http.Client, d doer, req *http.Request, fetch func() (*http.Response, error)) (n int) {
	if resp, err := checked(c.Get("u")); err == nil { // want `the net/http.Response is never closed`
		n += resp.StatusCode
	}
	if resp, err := zipped(c); err == nil { // want `the net/http.Response is never closed`
		n += resp.StatusCode
	}
	if resp, err := d.Do(req); err == nil { // want `the net/http.Response is never closed`
		n += resp.StatusCode
	}
	if resp, err := fetch(); err == nil { // want `the net/http.Response is never closed`
		n += resp.StatusCode
	}
	if resp, err := once(fetch); err == nil { // want `the net/http.Response is never closed`
		n += resp.StatusCode
	}
	if resp, err := txs.GetPage(ctx); err == nil { // want `the net/http.Response is never closed`
		n += resp.StatusCode
	}
	return n
}
