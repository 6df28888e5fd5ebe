// Package outlive has work that is not to end with its context, and work that is.
package outlive

import (
	"context"
	"database/sql"
	"log/slog"
	"net/http"
	"os/exec"
	"runtime/pprof"
	"sync"

	"github.com/gin-gonic/gin"
)

func work(context.Context) error { return nil }
func release(context.Context)    {}

func labels(ctx context.Context) error {
	pprof.SetGoroutineLabels(ctx)
	defer pprof.SetGoroutineLabels(context.Background())
	slog.InfoContext(context.Background(), "labeled")
	return work(ctx)
}

func drops(ctx context.Context) error {
	return work(context.Background()) // want `context.Background drops the deadline and the cancellation of ctx; pass it on`
}

func cleansUp(ctx context.Context) error {
	defer release(context.Background()) // want `needs a time of its own`
	return work(ctx)
}

func shutsDown(ctx context.Context, srv *http.Server) error {
	<-ctx.Done()
	return srv.Shutdown(context.Background()) // want `needs a time of its own`
}

// hangsUp ends a call: that has to be done also when the context has ended.
func hangsUp(ctx context.Context, call interface{ Hangup(context.Context) error }) error {
	if err := work(ctx); err != nil {
		return err
	}
	return call.Hangup(context.Background()) // want `needs a time of its own`
}

func starts(ctx context.Context) {
	go work(context.Background()) // want `needs a time of its own`
}

func daemon(ctx context.Context) error {
	cmd := exec.Command("daemon") // want `exec.Command loses the context ctx`
	return cmd.Start()
}

func shadowed(ctx context.Context, names []string) {
	for _, ctx := range names {
		_ = ctx
		work(context.Background()) // want `drops the deadline`
	}
}

func one(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(context.WithoutCancel(ctx), "update t set n=n+1") // want `this context has lost its deadline by context.WithoutCancel`
	return err
}

func two(ctx context.Context, db *sql.DB) (*sql.Rows, error) {
	ctx = context.WithoutCancel(ctx)
	return db.QueryContext(ctx, "select 1") // want `this context has lost its deadline`
}

func three(ctx context.Context, db *sql.DB) error {
	detached := context.WithoutCancel(ctx)
	tx, err := db.BeginTx(detached, nil) // want `this context has lost its deadline`
	if err != nil {
		return err
	}
	return tx.Commit()
}

// inHand takes the connection with the caller's context: only the statement may not be cut off.
func inHand(ctx context.Context, db *sql.DB) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.ExecContext(context.WithoutCancel(ctx), "update t set n=n+1")
	return err
}

func timed(ctx context.Context, db *sql.DB) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 1)
	defer cancel()
	_, err := db.ExecContext(ctx, "update t set n=n+1")
	return err
}

func timedLater(ctx context.Context, db *sql.DB) error {
	ctx = context.WithoutCancel(ctx)
	ctx, cancel := context.WithTimeout(ctx, 1)
	defer cancel()
	_, err := db.ExecContext(ctx, "update t set n=n+1")
	return err
}

func fail(r *http.Request, w http.ResponseWriter, err error) {}
func send(r, req *http.Request)                              {}

// handle hands its request to a helper that has nothing to do with the one that it makes.
func handle(w http.ResponseWriter, r *http.Request) {
	req, err := http.NewRequest(http.MethodPost, "http://x", r.Body) // want `http.NewRequest loses the context r.Context\(\)`
	if err != nil {
		fail(r, w, err)
		return
	}
	fail(r, w, nil)
	_ = req
}

func joins(w http.ResponseWriter, r *http.Request) {
	req, err := http.NewRequest(http.MethodPost, "http://x", r.Body)
	if err != nil {
		fail(r, w, err)
		return
	}
	send(r, req)
}

func ginHandler(c *gin.Context) {
	work(context.Background())                       // want `drops the deadline and the cancellation of c.Request.Context\(\)`
	_, _ = http.NewRequest(http.MethodGet, "x", nil) // want `http.NewRequest loses the context c.Request.Context\(\)`
}

// stream is the server's side of one of gRPC.
type stream interface {
	Context() context.Context
	SetHeader(any) error
	SetTrailer(any)
	SendMsg(any) error
	RecvMsg(any) error
}

func streaming(s stream) error {
	return work(context.Background()) // want `drops the deadline and the cancellation of s.Context\(\)`
}

// session has a life of its own, which a method ends.
type session struct {
	ctx    context.Context
	cancel context.CancelFunc
	once   sync.Once
	db     *sql.DB
}

func newSession(ctx context.Context) *session {
	s := &session{}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

func literalSession(ctx context.Context) *session {
	own, cancel := context.WithCancel(context.Background())
	return &session{ctx: own, cancel: cancel}
}

// closing keeps both cancel functions in one of its own.
func closing(ctx context.Context) *session {
	own, end := context.WithCancel(context.Background())
	asked, cancel := context.WithCancel(ctx)
	s := &session{ctx: own}
	s.cancel = func() {
		cancel()
		end()
	}
	s.db.PingContext(asked)
	return s
}

var ends = make(map[string]context.CancelFunc)

// entered keeps its cancel function in a map.
func entered(ctx context.Context, name string) context.Context {
	own, cancel := context.WithCancel(context.Background())
	ends[name] = cancel
	return own
}

func told(ctx context.Context) error {
	// Use a background context: the work goes on when the caller has what it asked for.
	if err := work(context.Background()); err != nil {
		return err
	}
	// This is work for the caller.
	return work(context.Background()) // want `drops the deadline and the cancellation of ctx`
}

// unrelated keeps another function than the one that ends its context.
func unrelated(ctx context.Context, s *session) error {
	own, cancel := context.WithCancel(context.Background()) // want `drops the deadline and the cancellation of ctx`
	s.cancel = func() { s.db.Close() }
	defer cancel()
	return work(own)
}

func detached(ctx context.Context) error {
	own, cancel := context.WithCancel(context.Background()) // want `drops the deadline and the cancellation of ctx`
	defer cancel()
	return work(own)
}

// connect is done once, for all: it must not end with the first who asks.
func (s *session) connect(ctx context.Context) {
	s.once.Do(func() { work(context.Background()) })
}

func receives(ctx context.Context) error {
	// When ctx has ended the peer still says goodbye:
	// the receiver should keep running until then.
	own, stop := context.WithCancel(context.Background())
	defer stop()
	return work(own)
}

func receivesToo(ctx context.Context) error {
	// The receiver runs until the peer says goodbye.
	own, stop := context.WithCancel(context.Background()) // want `context.Background drops the deadline`
	defer stop()
	return work(own)
}
