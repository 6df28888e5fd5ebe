package idioms

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// timeouts from flags, after the literal
func Listen(addr string, h http.Handler, read time.Duration) error {
	srv := &http.Server{Addr: addr, Handler: h}
	srv.ReadHeaderTimeout = read
	return srv.ListenAndServe()
}

type gateway struct {
	public, admin *http.Server
	upstream      *http.Client
}

// servers in fields, set up by a helper
func newGateway(h, admin http.Handler) *gateway {
	g := &gateway{public: &http.Server{Handler: h}, admin: &http.Server{Handler: admin}, upstream: &http.Client{}}
	g.public.ReadTimeout = 10 * time.Second
	hardenServer(g.admin)
	g.upstream.Timeout = time.Minute
	return g
}

func hardenServer(s *http.Server) {
	s.ReadHeaderTimeout = 5 * time.Second
	s.MaxHeaderBytes = 1 << 16
}

// body limited in place
func (g *gateway) Receive(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	b, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if !json.Valid(b) {
		http.Error(w, "no JSON", http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// response limited in place
func (g *gateway) Forward(r *http.Request) ([]byte, error) {
	resp, err := g.upstream.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, 1<<20), resp.Body}
	return io.ReadAll(resp.Body)
}

// server-sent events: a failed write or the request's end
func Ticks(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	for n := 0; ctx.Err() == nil; n++ {
		if _, err := fmt.Fprintf(w, "data: %d\n\n", n); err != nil {
			return
		}
		time.Sleep(time.Second)
	}
}

// polls with a deadline of its own
func AwaitFile(ctx context.Context, exists func() bool) error {
	short, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for short.Err() == nil {
		if exists() {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return short.Err()
}

// done channel taken once
func Blink(ctx context.Context, toggle func()) {
	done := ctx.Done()
	for {
		select {
		case <-done:
			return
		default:
			toggle()
			time.Sleep(100 * time.Millisecond)
		}
	}
}

func timeIsUp(ctx context.Context) bool { return ctx.Err() != nil }

// helper asks
func Sweep(ctx context.Context, dirs []string, clean func(string) error) error {
	for _, d := range dirs {
		if timeIsUp(ctx) {
			return context.Cause(ctx)
		}
		if err := clean(d); err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

type inbox interface {
	Receive(ctx context.Context) ([]byte, error)
	Ack(ctx context.Context) error
}

// consumer: its own error ends it
func Consume(ctx context.Context, in inbox, handle func([]byte) error) error {
	for {
		m, err := in.Receive(ctx)
		if err != nil {
			return fmt.Errorf("receive: %w", err)
		}
		if err := handle(m); err != nil {
			time.Sleep(time.Second)
			continue
		}
		if err := in.Ack(ctx); err != nil {
			return err
		}
	}
}

// retry with a timer that the context cuts short
func Persist(ctx context.Context, delays []time.Duration, save func(context.Context) error) (err error) {
	for _, d := range delays {
		if err = save(ctx); err == nil {
			return nil
		}
		select {
		case <-time.After(d):
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
	return err
}

// flag raised by the context
func Spin(ctx context.Context, step func()) {
	var stopped atomic.Bool
	stop := context.AfterFunc(ctx, func() { stopped.Store(true) })
	defer stop()
	for !stopped.Load() {
		step()
		time.Sleep(time.Millisecond)
	}
}

type txKey struct{}

// unit of work: the transaction travels in the context or in a field
type unitOfWork struct {
	db *sql.DB
	tx *sql.Tx
}

var errNoTx = errors.New("no transaction")

func (u *unitOfWork) current() (*sql.Tx, error) {
	if u.tx == nil {
		return nil, errNoTx
	}
	return u.tx, nil
}

func txOf(ctx context.Context) (*sql.Tx, error) {
	if tx, ok := ctx.Value(txKey{}).(*sql.Tx); ok {
		return tx, nil
	}
	return nil, errNoTx
}

func (u *unitOfWork) Rename(ctx context.Context, id int, name string) error {
	tx, err := u.current()
	if err != nil {
		if tx, err = txOf(ctx); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, `update t set name = ? where id = ?`, name, id)
	return err
}

// reads through the transaction if one is open
func (u *unitOfWork) Count(ctx context.Context) (n int, err error) {
	const q = `select count(*) from t`
	if tx, err := txOf(ctx); err == nil {
		return n, tx.QueryRowContext(ctx, q).Scan(&n)
	}
	return n, u.db.QueryRowContext(ctx, q).Scan(&n)
}

func (u *unitOfWork) Do(ctx context.Context, f func(context.Context) error) (err error) {
	tx, err := u.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	ctx = context.WithValue(ctx, txKey{}, tx)
	if _, err := u.Count(ctx); err != nil {
		return err
	}
	if err := f(ctx); err != nil {
		return err
	}
	return tx.Commit()
}

// statements are prepared once
type statements struct {
	mu sync.Mutex
	db *sql.DB
	m  map[string]*sql.Stmt
}

func (s *statements) get(ctx context.Context, q string) (*sql.Stmt, error) {
	s.mu.Lock()
	st := s.m[q]
	s.mu.Unlock()
	if st != nil {
		return st, nil
	}
	st, err := s.db.PrepareContext(ctx, q)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.m[q]; old != nil {
		st.Close()
		return old, nil
	}
	s.m[q] = st
	return st, nil
}

func (s *statements) Name(ctx context.Context, id int) (name string, err error) {
	st, err := s.get(ctx, `select name from t where id = ?`)
	if err != nil {
		return "", err
	}
	err = st.QueryRowContext(ctx, id).Scan(&name)
	return name, err
}

// one pinned connection, closed with everything else
type pinned struct {
	db      *sql.DB
	closers []func() error
}

func (p *pinned) conn(ctx context.Context) (*sql.Conn, error) {
	c, err := p.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	p.closers = append(p.closers, c.Close)
	return c, nil
}

func (p *pinned) Lock(ctx context.Context, id int) error {
	c, err := p.conn(ctx)
	if err != nil {
		return err
	}
	_, err = c.ExecContext(ctx, `select pg_advisory_lock(?)`, id)
	return err
}

// pools of tenants, each opened once
type tenants struct {
	mu    sync.Mutex
	pools map[string]*sql.DB
}

func (t *tenants) pool(name string) (*sql.DB, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if db, ok := t.pools[name]; ok {
		return db, nil
	}
	db, err := sql.Open("postgres", name)
	if err != nil {
		return nil, err
	}
	t.pools[name] = db
	return db, nil
}

func (t *tenants) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	db, err := t.pool(r.Host)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	if err := db.PingContext(r.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
	}
}

// settings are changed in a copy
type tuning struct {
	Rate  int
	Allow map[string]bool
}

type tuner struct{ cur atomic.Pointer[tuning] }

func (t *tuner) get() *tuning { return t.cur.Load() }

func (t *tuner) clone() *tuning {
	c := *t.get()
	c.Allow = maps.Clone(c.Allow)
	return &c
}

func (c *tuning) allow(name string) { c.Allow[name] = true }

func (t *tuner) Permit(name string, rate int) {
	c := t.clone()
	c.allow(name)
	c.Rate = rate
	t.cur.Store(c)
}

func (t *tuner) Permits(name string) bool { return t.get().Allow[name] }

// panics become errors, answers or log lines
func Guard(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return f()
}

func Valid(check func()) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	check()
	return true
}

func Sized(measure func() int) (n int) {
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		log.Printf("measure: %v", r)
		n = 0
	}()
	return measure()
}
